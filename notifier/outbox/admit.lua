-- Take a notification into its outbox: once, and only while there is room.
-- KEYS: 1 notification, 2 waiting, 3 delayed, 4 in_flight, 5 sequence
-- ARGV: 1 id, 2 message (JSON), 3 share key ('' rides alone), 4 characters, 5 capacity, 6 life (ms)
-- Returns 'admitted', 'known' (this id was admitted before: nothing is done) or 'full'.
if redis.call('EXISTS', KEYS[1]) == 1 then return 'known' end
local held = redis.call('ZCARD', KEYS[2]) + redis.call('ZCARD', KEYS[3]) + redis.call('ZCARD', KEYS[4])
if held >= tonumber(ARGV[5]) then return 'full' end
local sequence = redis.call('INCR', KEYS[5])
local time = redis.call('TIME')
redis.call('HSET', KEYS[1], 'message', ARGV[2], 'share', ARGV[3], 'characters', ARGV[4],
  'sequence', sequence, 'attempts', 0, 'admitted_at', time[1] * 1000000 + time[2])
redis.call('ZADD', KEYS[2], sequence, ARGV[1])
for _, key in ipairs({ KEYS[1], KEYS[2], KEYS[5] }) do redis.call('PEXPIRE', key, ARGV[6]) end
return 'admitted'
