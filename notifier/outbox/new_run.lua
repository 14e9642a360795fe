-- Nobody has noted this run of the server yet: it was restarted, or has taken over, and may have forgotten the last
-- second. Before any claim or beat in it.
-- KEYS: 1 run, 2 workers
-- ARGV: 1 id (of this run)
-- Returns nothing. Without the first key no worker has lived yet: there is nothing that could be forgotten.
local RUN, WORKERS = KEYS[1], KEYS[2]
local AGAIN = 10 * SECOND -- after so long the claims that the run before held back have come
local now = now_us()
if redis.call('EXISTS', RUN) == 1 then
  local since, last_beat = unpack(redis.call('HMGET', RUN, 'since', 'last_beat'))
  local newest, before = tonumber(redis.call('ZRANGE', WORKERS, -1, -1, 'WITHSCORES')[2] or 0), now
  if newest >= now then -- the clock has stepped back: none has beaten in this run yet
    newest, before = now - 1, newest + SECOND
    redate_set(WORKERS, newest, newest)
  end
  -- a second end at once: who was lost in the first has not been looked for yet
  if since and now - since < AGAIN then newest = math.min(newest, last_beat) end
  redis.call('HSET', RUN, 'id', ARGV[1], 'since', now, 'before', string.format('%.0f', before),
    'last_beat', string.format('%.0f', newest))
end
