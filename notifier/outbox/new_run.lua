-- This server does not know the claim yet: it was restarted, or has taken over, and may have forgotten the last second.
-- KEYS: 1 run
-- ARGV: 1 id (of this run)
-- Without the key no batch was ever leased: there is nothing that could be forgotten.
if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('HSET', KEYS[1], 'id', ARGV[1], 'since', now_us()) end
