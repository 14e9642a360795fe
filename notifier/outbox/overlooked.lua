-- In which outboxes does something wait that no delivery task will look for? Asked often: two commands of an empty one.
-- KEYS: none
-- ARGV: 1 worker_prefix (heartbeats), 2 and on: of each outbox waiting, delayed, state, wake_up (outbox.lua)
-- Returns the positions (the first is 1) of those that a sweep has to see to.
local now = now_us()
local found = {}

local function is_due(waiting, delayed)
  if redis.call('ZCARD', waiting) > 0 then return true end
  local first = redis.call('ZRANGE', delayed, 0, 0, 'WITHSCORES')
  return first[2] and tonumber(first[2]) <= now - TASK_LATE
end

local function is_looked_for(state, wake_up)
  local batch, worker, look_at = unpack(redis.call('HMGET', state, 'batch', 'worker', 'look_at'))
  if batch then return worker and redis.call('EXISTS', ARGV[1] .. worker) == 1 end -- its commit looks on
  if task_is_coming(tonumber(look_at), now) then return true end
  return task_is_coming(tonumber(string.match(redis.call('GET', wake_up) or '', ' (.*)')), now)
end

for position = 2, #ARGV, 4 do
  local waiting, delayed, state, wake_up = unpack(ARGV, position, position + 3)
  if is_due(waiting, delayed) and not is_looked_for(state, wake_up) then
    table.insert(found, (position + 2) / 4)
  end
end
return found
