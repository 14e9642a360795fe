-- Quiet hours in which alerts are held: each waits among the delayed ones until they end, and then goes with the others
-- that were held in them (collected.lua).
--
-- quiet: began, ends (microseconds), told (until when, in words), by (begins the name of its group),
--   of_its_own (fields of a message that cannot stand beside others), heard (the severity that is never held; '')
-- is_of_its_own(message, quiet)
-- hold(waiting, delayed, quiet, args, now)   args: notification_prefix, life (seconds)

local LOOKED_AT_ONCE = 500

-- What is under way already, or somebody waits for, or has its turn in another type's outbox.
local function goes_on(key)
  local progress, incident, rerouted = unpack(redis.call('HMGET', key, 'progress', 'incident', 'rerouted'))
  if rerouted then return true end
  if progress and progress ~= '' and cjson.decode(progress).part > 0 then return true end
  return incident and redis.call('HEXISTS', incident, 'shown_at') == 1 -- it changes a message that is there
end

local function fields_of(key)
  local readable, message = pcall(cjson.decode, redis.call('HGET', key, 'message') or '')
  return readable and type(message) == 'table' and message or {}
end

local function is_of_its_own(message, quiet)
  for _, name in ipairs(quiet.of_its_own) do
    if message[name] ~= nil then return true end
  end
  return message.long_text == 'split'
end

local function hold_one(key, id, waiting, delayed, quiet, now)
  if goes_on(key) then return false end
  local message = fields_of(key)
  local is_replay = type(message.metadata) == 'table' and message.metadata.replay_of ~= nil
  if is_replay or message.severity == quiet.heard then return false end
  redis.call('ZADD', delayed, quiet.ends, id)
  redis.call('ZREM', waiting, id)
  redis.call('HSET', key, 'not_before', quiet.ends)
  if not is_of_its_own(message, quiet) then
    redis.call('HSET', key, 'collected_for', string.format('%s %.0f %.0f', quiet.by, quiet.began, quiet.began))
  end
  add_event(key, { at = now, step = 'held', detail = quiet.told })
  return true
end

local function hold(waiting, delayed, quiet, args, now)
  if now < quiet.began or now >= quiet.ends then return end
  repeat
    local held = 0
    for _, id in ipairs(redis.call('ZRANGE', waiting, 0, LOOKED_AT_ONCE - 1)) do
      if hold_one(args.notification_prefix .. id, id, waiting, delayed, quiet, now) then held = held + 1 end
    end
    redis.call('EXPIRE', delayed, args.life)
  until held == 0
end
