-- Is anything waiting here that nobody is coming for?
-- KEYS: 1-5 the outbox (outbox.lua)
-- ARGV: 1 token for a wake-up, 2 prefix of the workers' signs of life, 3 their life, 4 witness (microseconds)
-- Returns the microseconds until the wake-up that the caller has to send, or -1.
local now = now_us()
if redis.call('HEXISTS', KEYS[4], 'batch') == 1 then
  local left, alive = lease_wait(now, ARGV[2], tonumber(ARGV[4]))
  return arm(now, alive and math.min(left, tonumber(ARGV[3])) or left, ARGV[1]) -- look again: it may die meanwhile
end
if redis.call('EXISTS', KEYS[5]) == 1 then return -1 end
local wait = due_in(now)
if not wait then return -1 end
return arm(now, wait, ARGV[1])
