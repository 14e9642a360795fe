-- Sliding window: at most `limit` requests in any span of `window`.
-- A request counts from its claim until `window` after its answer came. However long it travelled, Discord never sees
-- more than `limit` requests in any `window`.
--
-- key: sorted set. Member: token of a request; score: when its answer came. While it is under way '~' is before the
--   token, and the score is when its lease ends: without an answer it counts as answered then. (Workers of an earlier
--   version write the time of the claim instead, without '~'.)
-- rule: { limit, window, lease }; now, window, lease: microseconds
--
-- window_wait(key, now, rule)         returns microseconds until the next request may go; 0 means now
-- window_take(key, now, token, rule)  counts a request that is about to be made; the key outlives its lease
-- window_answered(key, now, token)    counts it from its answer on; a token that is not there stays out

local UNDER_WAY = '~'

-- The clock has stepped back: what it dates in the future counts as now.
local function window_redate(key, now, lease)
  local ahead = redis.call('ZRANGEBYSCORE', key, string.format('(%.0f', now), '+inf', 'WITHSCORES')
  for position = 1, #ahead, 2 do
    local member, latest = ahead[position], now
    if string.sub(member, 1, 1) == UNDER_WAY then latest = now + lease end
    if tonumber(ahead[position + 1]) > latest then redis.call('ZADD', key, latest, member) end
  end
end

local function window_wait(key, now, rule)
  local counted = redis.call('ZCOUNT', key, string.format('(%.0f', now - rule.window), '+inf')
  if counted < rule.limit then return 0 end
  window_redate(key, now, rule.lease) -- whatever its dates are, fewer hold nothing back
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now - rule.window)
  if redis.call('ZCARD', key) < rule.limit then return 0 end
  local leaves_next = redis.call('ZRANGE', key, -rule.limit, -rule.limit, 'WITHSCORES')
  return math.min(tonumber(leaves_next[2]), now) + rule.window - now -- one under way is answered now at the earliest
end

local function window_take(key, now, token, rule)
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now - rule.window)
  redis.call('ZADD', key, now + rule.lease, UNDER_WAY .. token)
  redis.call('PEXPIRE', key, math.ceil((rule.window + rule.lease) / 1000))
end

local function window_answered(key, now, token)
  if not redis.call('ZSCORE', key, UNDER_WAY .. token) then return redis.call('ZREM', key, token) end
  redis.call('ZADD', key, now, token) -- before the other goes: an empty key would lose its life
  redis.call('ZREM', key, UNDER_WAY .. token)
end
