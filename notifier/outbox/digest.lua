-- Put the digest of what was folded into its outbox, in the place of what it was made of.
-- KEYS: 1 notification (the digest's), 2 waiting, 3 digest, 4 sequence, 5 state (of the outbox)
-- ARGV: 1 id, 2 message (JSON), 3 share key, 4 characters, 5 how many alerts it tells of, 6 life (ms)
-- Returns 1, or 0 where more was folded meanwhile or another did it: read the digest again.
if redis.call('HGET', KEYS[3], 'count') ~= ARGV[5] then return 0 end
local sequence = redis.call('INCR', KEYS[4])
redis.call('HSET', KEYS[1], 'message', ARGV[2], 'share', ARGV[3], 'characters', ARGV[4], 'sequence', sequence,
  'attempts', 0, 'admitted_at', now_us())
redis.call('ZADD', KEYS[2], sequence, ARGV[1])
redis.call('HSET', KEYS[5], 'digest', ARGV[1])
redis.call('DEL', KEYS[3])
for _, key in ipairs({ KEYS[1], KEYS[2], KEYS[4], KEYS[5] }) do redis.call('PEXPIRE', key, ARGV[6]) end
return 1
