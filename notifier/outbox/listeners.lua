-- Who waits for a result (`AsyncResult.get()`) has subscribed to the channel of its key. Nearly always nobody has.
-- records: result keys, each followed by its text
--
-- publish_records(records)   publishes each that somebody waits for: by a subscription of its own, or of a pattern. One
--   that comes after this step finds the result stored

-- How many have subscribed to each channel itself; nil if a Redis, or the rights of version 0.2, do not tell.
local function subscribers_of(channels)
  local told = redis.pcall('PUBSUB', 'NUMSUB', unpack(channels))
  if told.err then return end
  local counts = {}
  for at = 1, #told, 2 do counts[told[at]] = tonumber(told[at + 1]) end
  return counts
end

local function publish_records(records)
  local channels = {}
  for at = 1, #records, 2 do table.insert(channels, records[at]) end
  local counts = #channels > 1 and subscribers_of(channels)
  for at = 1, #records, 2 do
    if not counts or at == 1 or counts[records[at]] > 0 then
      local reached = redis.call('PUBLISH', records[at], records[at + 1])
      -- that others have heard it as well shows a pattern of channels, which tells nobody what it matches
      if at == 1 and counts and reached > counts[records[at]] then counts = nil end
    end
  end
end
