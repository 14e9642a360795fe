-- Sliding window: at most `limit` requests in any span of `window`.
-- A request counts from its claim until `window` after its answer came. However long it travelled, Discord never sees
-- more than `limit` requests in any `window`.
--
-- key: sorted set. Member: '~' and the token of a request; score: when its lease ends, for without an answer it counts
--   as answered then. Once it is answered: when that was, and half a microsecond, which tells the two apart.
--   (Version 0.2 writes its answer as a member without '~', and reads any score that is over as an answer.)
-- rule: { limit, window, lease }; now, window, lease: microseconds
--
-- window_wait(key, now, rule)         returns microseconds until the next request may go; 0 means now
-- window_take(key, now, token, rule, renews)
--                                     counts a request that is about to be made. The key outlives its lease by a minute
--                                     if this renews its life, or if window_wait has found nothing in it
-- window_answered(key, now, token)    counts it from its answer on; a token that is not there stays out. Returns
--                                     whether it is there
-- window_remember(key, now, token, claimed_at, rule)
--                                     counts one that Redis has forgotten, as answered now, if it may still count

local UNDER_WAY = '~'
local HAS_LIFE = {} -- keys

-- The clock has stepped back: what it dates in the future counts as now.
local function window_redate(key, now, lease)
  local ahead = redis.call('ZRANGEBYSCORE', key, string.format('(%.1f', now + 0.5), '+inf', 'WITHSCORES')
  for position = 1, #ahead, 2 do
    local member, score, latest = ahead[position], tonumber(ahead[position + 1]), now
    if string.sub(member, 1, 1) == UNDER_WAY then latest = score % 1 == 0 and now + lease or now + 0.5 end
    if score > latest then redis.call('ZADD', key, latest, member) end
  end
end

local function window_wait(key, now, rule)
  local counted = redis.call('ZCOUNT', key, string.format('(%.1f', now - rule.window + 0.5), '+inf')
  HAS_LIFE[key] = counted > 0
  if counted < rule.limit then return 0 end
  window_redate(key, now, rule.lease) -- whatever its dates are, fewer hold nothing back
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now - rule.window + 0.5)
  if redis.call('ZCARD', key) < rule.limit then return 0 end
  local leaves_next = redis.call('ZRANGE', key, -rule.limit, -rule.limit, 'WITHSCORES')
  -- one under way is answered now at the earliest
  return math.min(math.floor(tonumber(leaves_next[2])), now) + rule.window - now
end

local function window_live(key, rule)
  redis.call('PEXPIRE', key, math.ceil((rule.window + rule.lease + MINUTE) / 1000))
end

local function window_take(key, now, token, rule, renews)
  local needs_life = renews or not HAS_LIFE[key]
  if needs_life then redis.call('ZREMRANGEBYSCORE', key, '-inf', now - rule.window) end
  redis.call('ZADD', key, now + rule.lease, UNDER_WAY .. token)
  if needs_life then window_live(key, rule) end
end

-- In small letters: the cache (cache.lua) keeps no such ZADD.
local function window_answered(key, now, token)
  local is_there = redis.call('zadd', key, 'XX', 'CH', now + 0.5, UNDER_WAY .. token) == 1
  if not is_there then redis.call('ZREM', key, token) end
  return is_there
end

local function window_remember(key, now, token, claimed_at, rule)
  if claimed_at <= now - rule.window then return end -- it may have left
  if redis.call('zadd', key, 'NX', now + 0.5, UNDER_WAY .. token) == 1 then window_live(key, rule) end
end
