-- Is anything waiting here that nobody is coming for?
-- KEYS: 1-5 the outbox (outbox.lua)
-- ARGV: 1 token for a wake-up
-- Returns the microseconds until the wake-up that the caller has to send, or -1.
if redis.call('EXISTS', KEYS[5]) == 1 then return -1 end
local now = now_us()
local lease_until = tonumber(redis.call('HGET', KEYS[4], 'lease_until') or 0)
if redis.call('HEXISTS', KEYS[4], 'batch') == 1 then return arm(now, lease_until - now, ARGV[1]) end
local wait = due_in(now)
if not wait then return -1 end
return arm(now, wait, ARGV[1])
