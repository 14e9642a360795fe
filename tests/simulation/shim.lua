-- Stands before each script in the simulation, whose last argument is the time. The lives of keys are kept in a sorted
-- set, by that time. What must hold after each step is looked at after it; what does not is added to a list.
local LIVES, BROKEN = 'simulation:lives', 'simulation:broken'
local simulated_now = tonumber(table.remove(ARGV))
local written, left = {}, {}
local READS = {
  EXISTS = 1, GET = 1, HEXISTS = 1, HGET = 1, HGETALL = 1, HKEYS = 1, HLEN = 1, HMGET = 1, HSTRLEN = 1, HVALS = 1, MGET = 1,
  PUBLISH = 1, TTL = 1, PTTL = 1, STRLEN = 1, TIME = 1, ZCARD = 1, ZCOUNT = 1, ZRANGE = 1, ZRANGEBYSCORE = 1,
  ZREVRANGE = 1, ZSCORE = 1, ZRANK = 1, LRANGE = 1, LLEN = 1, SISMEMBER = 1, SMEMBERS = 1, SCARD = 1, ZMSCORE = 1,
  TYPE = 1, MEMORY = 1,
}
local TAKES_AWAY = { ZREM = 1, HDEL = 1, ZREMRANGEBYSCORE = 1, ZREMRANGEBYRANK = 1, ZPOPMIN = 1, SREM = 1, LPOP = 1, RPOP = 1 }

local function live(key, microseconds)
  if redis.call('EXISTS', key) == 0 then return 0 end
  redis.call('ZADD', LIVES, simulated_now + microseconds, key)
  return 1
end

local function set(key, ...)
  local given, kept, life = { ... }, {}, nil
  local position = 1
  while position <= #given do
    if given[position] == 'PX' or given[position] == 'EX' then
      life = tonumber(given[position + 1]) * (given[position] == 'EX' and 1000000 or 1000)
      position = position + 1
    else
      table.insert(kept, given[position])
    end
    position = position + 1
  end
  local answer = redis.call('SET', key, unpack(kept))
  if life then redis.call('ZADD', LIVES, simulated_now + life, key) else redis.call('ZREM', LIVES, key) end
  return answer
end

local function simulated(given, key, ...)
  local name = string.upper(given) -- as Redis, which takes both
  if READS[name] then
    if name == 'TIME' then return { 0, simulated_now } end
    return redis.call(name, key, ...)
  end
  if name == 'EXPIRE' then return live(key, tonumber((...)) * 1000000) end
  if name == 'PEXPIRE' then return live(key, tonumber((...)) * 1000) end
  written[key] = true
  if name == 'SET' then return set(key, ...) end
  if name == 'DEL' or name == 'UNLINK' then redis.call('ZREM', LIVES, key, ...) end
  local answer = redis.call(name, key, ...)
  if TAKES_AWAY[name] then
    if redis.call('EXISTS', key) == 0 then redis.call('ZREM', LIVES, key) end
    if name == 'ZREM' and string.find(key, ':outbox:', 1, true) then
      for _, id in ipairs({ ... }) do left[id] = true end
    end
  end
  return answer
end

local function expire_what_is_due()
  local due = redis.call('ZRANGEBYSCORE', LIVES, '-inf', simulated_now)
  for _, key in ipairs(due) do redis.call('DEL', key) end
  if #due > 0 then redis.call('ZREMRANGEBYSCORE', LIVES, '-inf', simulated_now) end
end

local function outboxes_of(id)
  local found = 0
  for _, outbox in ipairs({ 'general', 'general.1', 'error', 'critical', 'critical.1', 'critical.2' }) do
    for _, set_of_ids in ipairs({ ':waiting', ':delayed', ':in_flight' }) do
      if redis.call('ZSCORE', 'notifier:outbox:' .. outbox .. set_of_ids, id) then found = found + 1 end
    end
  end
  return found
end

local function look_after()
  for key in pairs(written) do
    if not redis.call('ZSCORE', LIVES, key) and redis.call('PTTL', key) == -1 then
      redis.call('RPUSH', BROKEN, key .. ' has no life')
    end
  end
  for id in pairs(left) do
    local waits = redis.call('HEXISTS', 'notifier:notification:' .. id, 'message') == 1
    local places = outboxes_of(id)
    if waits and places ~= 1 and redis.call('HEXISTS', 'notifier:notification:' .. id, 'finished_at') == 0 then
      redis.call('RPUSH', BROKEN, id .. ' waits, and is in ' .. places .. ' sets of outboxes')
    end
  end
end

expire_what_is_due()
local function step(KEYS, ARGV)
--STEP--
end
local simulated_answer = step(KEYS, ARGV)
look_after()
return simulated_answer
