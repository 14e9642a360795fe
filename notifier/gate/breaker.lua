-- Circuit breaker: closed -> (threshold failures in a row) -> open -> (time) -> half-open: one probe -> closed or open.
-- Exactly one probe goes at a time in the whole fleet. Each probe that fails doubles the time until the next, up to
-- a limit.
-- Answers to requests from before the breaker opened change nothing.
--
-- key: hash; these fields are the breaker's (workers of an earlier version read them too, so their names stay):
--   breaker      'open' or 'half_open'; closed: no such field
--   failures     failures in a row while closed
--   open_for     how long it opened last
--   open_until   when a probe may go
--   probe        token of the probe that was claimed last
--   probe_…      the lease of the probe (lease.lua)
-- rule: { threshold (failures), open_for, open_max }
-- health: 'success', 'failure' or 'neutral' (the answer says nothing about the health of whoever answered)
-- now, lease and all other times: microseconds
--
-- breaker_wait(key, now, open_reason, lease, workers)
--                                                returns microseconds until a request may go, and why: `open_reason` or
--                                                'probe_in_flight'; 0 means now
-- breaker_take(key, now, token, lease, worker)   makes the request that goes now the probe, unless it is closed
-- breaker_report(key, now, token, health, rule)  learns from an answer; returns whether that opened a closed breaker
-- breaker_probes(key, token)                     returns whether this request is the probe that is under way
-- breaker_closed(key)                            returns whether it is closed

local function breaker_closed(key)
  return redis.call('HEXISTS', key, 'breaker') == 0
end

-- When a probe may go: no further ahead than the breaker opened for. The clock may have stepped back since; and workers
-- of an earlier version take a ban at its word, for a day.
local function breaker_open_until(key, now, open_until, open_for)
  local latest = now + (tonumber(open_for) or HOUR)
  if tonumber(open_until) <= latest then return tonumber(open_until) end
  redis.call('HSET', key, 'open_until', latest)
  return latest
end

local function breaker_wait(key, now, open_reason, lease, workers)
  local breaker, open_until, open_for = unpack(redis.call('HMGET', key, 'breaker', 'open_until', 'open_for'))
  if breaker == 'open' then
    local left = breaker_open_until(key, now, open_until, open_for) - now
    if left > 0 then return left, open_reason end
  elseif breaker == 'half_open' then
    local left = lease_left(key, 'probe', now, lease, workers)
    if left > 0 then return math.min(left, SOON), 'probe_in_flight' end
  end
  return 0
end

local function breaker_take(key, now, token, lease, worker)
  if breaker_closed(key) then return end
  redis.call('HSET', key, 'breaker', 'half_open', 'probe', token)
  lease_begin(key, 'probe', now, lease, worker)
end

local function breaker_probes(key, token)
  local breaker, probe = unpack(redis.call('HMGET', key, 'breaker', 'probe'))
  return breaker == 'half_open' and probe == token
end

local function breaker_open(key, now, open_for)
  redis.call('HSET', key, 'breaker', 'open', 'open_for', open_for, 'open_until', now + open_for)
  redis.call('HDEL', key, 'probe', 'failures')
  lease_end(key, 'probe')
end

local function breaker_report_closed(key, now, health, rule)
  if health == 'success' then
    redis.call('HDEL', key, 'failures')
  elseif health == 'failure' and redis.call('HINCRBY', key, 'failures', 1) >= rule.threshold then
    breaker_open(key, now, rule.open_for)
    return true
  end
  return false
end

local function breaker_report_probe(key, now, health, rule)
  if health == 'success' then
    redis.call('HDEL', key, 'breaker', 'probe', 'open_for', 'open_until', 'failures')
    lease_end(key, 'probe')
  elseif health == 'failure' then
    breaker_open(key, now, math.min(tonumber(redis.call('HGET', key, 'open_for')) * 2, rule.open_max))
  else
    redis.call('HSET', key, 'probe_until', now) -- it proved nothing: the next request may be the probe
  end
end

local function breaker_report(key, now, token, health, rule)
  if breaker_closed(key) then return breaker_report_closed(key, now, health, rule) end
  if breaker_probes(key, token) then breaker_report_probe(key, now, health, rule) end
  return false
end
