-- Store the record of an alert that no outbox took: a bounded number of them.
-- KEYS: 1 notification, 2 result, 3 history, 4 refused
-- ARGV: 1 id, 2 result (JSON), 3 stamp (stands in it for the time), 4 status, 5 life (seconds),
--       6 refused_max, 7 result_prefix
-- Returns 1, or 0: this id was admitted meanwhile, and nothing is done.
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
local now = now_us()
forget_record(KEYS[2], KEYS[3], ARGV[1]) -- it may have been refused before, for another reason
store_record(KEYS[2], ARGV[2], ARGV[3], now, ARGV[5])
index_record(KEYS[3], ARGV[4], ARGV[1], now, ARGV[5])
redis.call('ZADD', KEYS[4], now, ARGV[1])
redis.call('EXPIRE', KEYS[4], ARGV[5])
for _, id in ipairs(redis.call('ZRANGE', KEYS[4], 0, -tonumber(ARGV[6]) - 1)) do
  redis.call('ZREM', KEYS[4], id)
  forget_record(ARGV[7] .. id, KEYS[3], id)
end
return 1
