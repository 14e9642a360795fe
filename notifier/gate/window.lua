-- Sliding window: at most `limit` requests in any span of `window`.
-- A request counts from its claim until `window` after its answer came. However long it travelled, Discord never sees
-- more than `limit` requests in any `window`.
--
-- key: sorted set; member: token of a request; score: when it was claimed, later when its answer came
-- now, window, lease: microseconds
--
-- window_wait(key, now, limit, window)         returns microseconds until the next request may go; 0 means now
-- window_take(key, now, token, window, lease)  counts a request that is about to be made; the key outlives its lease
-- window_answered(key, now, token)             counts it from its answer on; a token that is not there stays out

local function window_wait(key, now, limit, window)
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now - window)
  if redis.call('ZCARD', key) < limit then return 0 end
  local leaves_next = redis.call('ZRANGE', key, -limit, -limit, 'WITHSCORES')
  return tonumber(leaves_next[2]) + window - now
end

local function window_take(key, now, token, window, lease)
  redis.call('ZADD', key, now, token)
  redis.call('PEXPIRE', key, math.ceil((window + lease) / 1000))
end

local function window_answered(key, now, token)
  redis.call('ZADD', key, 'XX', now, token)
end
