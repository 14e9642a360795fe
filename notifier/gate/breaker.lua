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
--   probe_until  when the probe counts as lost
-- rule: { threshold (failures), open_for, open_max }
-- health: 'success', 'failure' or 'neutral' (the answer says nothing about the health of whoever answered)
-- now, lease and all other times: microseconds
--
-- breaker_wait(key, now, open_reason)            returns microseconds until a request may go, and why: `open_reason` or
--                                                'probe_in_flight'; 0 means now
-- breaker_take(key, now, token, lease)           makes the request that goes now the probe, unless it is closed
-- breaker_report(key, now, token, health, rule)  learns from an answer; returns whether that opened a closed breaker
-- breaker_hold(key, ends)                        no probe before `ends`
-- breaker_closed(key)                            returns whether it is closed

local function breaker_closed(key)
  return redis.call('HEXISTS', key, 'breaker') == 0
end

local function breaker_wait(key, now, open_reason)
  local breaker, open_until, probe_until = unpack(redis.call('HMGET', key, 'breaker', 'open_until', 'probe_until'))
  if breaker == 'open' and now < tonumber(open_until) then return tonumber(open_until) - now, open_reason end
  if breaker == 'half_open' and now < tonumber(probe_until) then
    return math.min(tonumber(probe_until) - now, SOON), 'probe_in_flight'
  end
  return 0
end

local function breaker_take(key, now, token, lease)
  if breaker_closed(key) then return end
  redis.call('HSET', key, 'breaker', 'half_open', 'probe', token, 'probe_until', now + lease)
end

local function breaker_open(key, now, open_for)
  redis.call('HSET', key, 'breaker', 'open', 'open_for', open_for, 'open_until', now + open_for)
  redis.call('HDEL', key, 'probe', 'probe_until', 'failures')
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
    redis.call('HDEL', key, 'breaker', 'probe', 'probe_until', 'open_for', 'open_until', 'failures')
  elseif health == 'failure' then
    breaker_open(key, now, math.min(tonumber(redis.call('HGET', key, 'open_for')) * 2, rule.open_max))
  else
    redis.call('HSET', key, 'probe_until', now) -- it proved nothing: the next request may be the probe
  end
end

local function breaker_report(key, now, token, health, rule)
  local breaker, probe = unpack(redis.call('HMGET', key, 'breaker', 'probe'))
  if not breaker then return breaker_report_closed(key, now, health, rule) end
  if breaker == 'half_open' and probe == token then breaker_report_probe(key, now, health, rule) end
  return false
end

local function breaker_hold(key, ends)
  if ends > (tonumber(redis.call('HGET', key, 'open_until')) or 0) then redis.call('HSET', key, 'open_until', ends) end
end
