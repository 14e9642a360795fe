-- A type with several webhooks has an outbox for each of them: its partitions. Alerts of one incident, or of one
-- source, share a partition, so each of these keeps its order.
-- partitions (hash, while a type has, or had, several): count (among so many new alerts are spread), most (so many
--   there ever were: the others may still hold some), seen_at (a worker that has `count` webhooks was heard of)
-- A notification, and an incident, of any but the first (0) have the field `partition`.
--
-- take_partition(own, id, message, incident, asked)
--   own: of_partition (the name of its keys, with %s for the number and for the part), and the keys of the first:
--   those of the one that takes this alert stand in their places afterwards. message: JSON. incident: key, or nil: one
--   that is known keeps its partition. asked: the number, if it is not to be spread, or nil. Returns the number

local function spread_by(id, message)
  local known = cjson.decode(message)
  if known.thread_id or known.applied_tags then return end -- these are of the channel of the first
  for _, name in ipairs({ 'dedup_key', 'source' }) do
    if type(known[name]) == 'string' then return known[name] end
  end
  return id
end

local function number_of(own, id, message, incident)
  if incident then
    local opened_by, number = unpack(redis.call('HMGET', incident, 'opened_by', 'partition'))
    if opened_by then return tonumber(number) or 0 end
  end
  local count = tonumber(redis.call('HGET', own.partitions, 'count')) or 1
  local text = count > 1 and spread_by(id, message)
  return text and tonumber(string.sub(redis.sha1hex(text), 1, 8), 16) % count or 0
end

local function take_partition(own, id, message, incident, asked)
  local number = asked or number_of(own, id, message, incident)
  if number > 0 then
    for _, part in ipairs({ 'waiting', 'delayed', 'in_flight', 'state', 'wake_up' }) do
      own[part] = string.format(own.of_partition, number, part)
    end
  end
  return number
end
