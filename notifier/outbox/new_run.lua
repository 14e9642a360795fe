-- Nobody has noted this run of the server yet: it was restarted, or has taken over, and may have forgotten the last
-- second. Before any claim or beat in it.
-- KEYS: 1 run, 2 workers
-- ARGV: 1 id (of this run)
-- Returns nothing. Without the first key no batch was ever leased: there is nothing that could be forgotten.
local RUN, WORKERS = KEYS[1], KEYS[2]
if redis.call('EXISTS', RUN) == 1 then
  local last = redis.call('ZRANGE', WORKERS, -1, -1, 'WITHSCORES')
  redis.call('HSET', RUN, 'id', ARGV[1], 'since', now_us(), 'last_beat', last[2] or 0)
end
