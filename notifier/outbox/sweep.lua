-- Is anything waiting here that nobody is coming for?
-- KEYS: 1-5 the outbox (outbox.lua), 6 watch
-- ARGV: 1 token for a wake-up, 2 prefix of the workers' signs of life, 3 their life, 4 witness (microseconds),
--       5 alert type, 6 prefix of notifications, 7 how long an outbox may stand still before somebody is told
--       (microseconds), 8 whether the caller's workers serve this type ('1'): where not, nobody would hear a wake-up
-- Returns the microseconds until the wake-up that the caller has to send, or -1.
local OVERDUE = 1000000
local now = now_us()
local oldest = redis.call('ZRANGE', KEYS[1], 0, 0)[1] or redis.call('ZRANGE', KEYS[2], 0, 0)[1]
local stuck = false
if oldest then
  local admitted_at, spooled, seen_at =
    unpack(redis.call('HMGET', ARGV[6] .. oldest, 'admitted_at', 'spooled', 'seen_at'))
  local here_since = math.max(tonumber(admitted_at or now) + tonumber(spooled or 0), tonumber(seen_at or 0))
  local moved_at = math.max(here_since, tonumber(redis.call('HGET', KEYS[4], 'settled_at') or 0))
  local held = cjson.decode(redis.call('HGET', KEYS[4], 'held') or '[]')
  stuck = now - moved_at > tonumber(ARGV[7])
  if stuck then tell(KEYS[6], 'stuck', ARGV[5], held[#held] and held[#held][2] or '') end
end
if not stuck then -- what is over need not be told
  for _, field in ipairs(redis.call('HKEYS', KEYS[6])) do
    if string.find(field, 'stuck|' .. ARGV[5] .. '|', 1, true) == 1 then redis.call('HDEL', KEYS[6], field) end
  end
end
if ARGV[8] ~= '1' then return -1 end
if redis.call('HEXISTS', KEYS[4], 'batch') == 1 then
  local left, alive = lease_wait(now, ARGV[2], tonumber(ARGV[4]))
  return arm(now, alive and math.min(left, tonumber(ARGV[3])) or left, ARGV[1]) -- look again: it may die meanwhile
end
local under_way = redis.call('GET', KEYS[5])
if under_way then
  if tonumber(string.match(under_way, ' (.*)')) + OVERDUE > now then return -1 end
  redis.call('DEL', KEYS[5]) -- it was held by a worker that is gone, or lost
end
local wait = due_in(now)
if not wait then return -1 end
return arm(now, wait, ARGV[1])
