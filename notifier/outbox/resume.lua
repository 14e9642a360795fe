-- Lease a batch again to the worker that has it under way, if Redis has forgotten that.
-- KEYS: 1-5 the outbox (outbox.lua)
-- ARGV: 1 token (of the batch), 2 worker, 3 lease (microseconds), 4 notification_prefix, 5 life (seconds),
--       6 and on: its ids
-- Returns 1; 0 if another batch is under way here: its commit may be forgotten as well, and comes again first.
local WAITING, DELAYED, IN_FLIGHT, STATE = unpack(KEYS, 1, 4)
local TOKEN, WORKER, LEASE, PREFIX, LIFE = unpack(ARGV, 1, 5)
local under_way, settled = unpack(redis.call('HMGET', STATE, 'batch', 'settled'))
if under_way then return under_way == TOKEN and 1 or 0 end
if settled == TOKEN then return 1 end -- its commit came while this was on its way
local leased = 0
for place = 6, #ARGV do
  local id = ARGV[place]
  local message, sequence = unpack(redis.call('HMGET', PREFIX .. id, 'message', 'sequence'))
  if message then
    redis.call('ZREM', WAITING, id)
    redis.call('ZREM', DELAYED, id)
    redis.call('ZADD', IN_FLIGHT, sequence, id)
    leased = leased + 1
  end
end
if leased > 0 then
  redis.call('HSET', STATE, 'batch', TOKEN, 'lease_until', now_us() + LEASE, 'worker', WORKER)
  for key = 1, 4 do redis.call('EXPIRE', KEYS[key], LIFE) end
end
return 1
