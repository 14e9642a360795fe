-- Take a notification into its outbox: once, and only while there is room.
-- KEYS: 1 notification, 2 waiting, 3 delayed, 4 in_flight, 5 sequence
-- ARGV: 1 id, 2 message (JSON), 3 share key ('' rides alone), 4 characters, 5 capacity, 6 life (ms),
--       7 spooled (microseconds that it waited on the caller's disk; 0), 8 unknown (reason: it may have been posted; or '')
-- Returns 'admitted', 'known' (this id was admitted before: nothing is done) or 'full'.
if redis.call('EXISTS', KEYS[1]) == 1 then return 'known' end
local held = redis.call('ZCARD', KEYS[2]) + redis.call('ZCARD', KEYS[3]) + redis.call('ZCARD', KEYS[4])
if held >= tonumber(ARGV[5]) then return 'full' end
local sequence = redis.call('INCR', KEYS[5])
local time = redis.call('TIME')
redis.call('HSET', KEYS[1], 'message', ARGV[2], 'share', ARGV[3], 'characters', ARGV[4],
  'sequence', sequence, 'attempts', 0, 'admitted_at', time[1] * 1000000 + time[2] - ARGV[7])
if ARGV[7] ~= '0' then redis.call('HSET', KEYS[1], 'spooled', ARGV[7]) end
if ARGV[8] ~= '' then redis.call('HSET', KEYS[1], 'unknown', ARGV[8]) end
redis.call('ZADD', KEYS[2], sequence, ARGV[1])
for _, key in ipairs({ KEYS[1], KEYS[2], KEYS[5] }) do redis.call('PEXPIRE', key, ARGV[6]) end
return 'admitted'
