-- Functions that claim.lua and commit.lua share: may a request to a webhook go now, and what did its answer teach?
-- Times are microseconds of Redis' own clock. A `gate` is a table:
--   keys: state (hash), in_flight, sent (sorted sets), edge (hash), edge_sent (sorted set), channel_prefix
--   args: the limits, as gate.py lists them

local SECOND = 1000000
local SOON = SECOND -- how soon to look again where somebody else's answer will open the gate
local LIFE_MS = 30 * 86400 * 1000

local function now_us()
  local time = redis.call('TIME')
  return time[1] * SECOND + time[2]
end

-- Sliding window: a sorted set of requests. A request counts from its claim until `window` after its answer came,
-- so however long it travelled, Discord never sees more than `limit` of them in any `window`.
local function window_wait(key, now, limit, window)
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now - window)
  if redis.call('ZCARD', key) < limit then return 0 end
  local leaving = redis.call('ZRANGE', key, -limit, -limit, 'WITHSCORES')
  return tonumber(leaving[2]) + window - now
end

local function window_take(key, now, token, window, lease)
  redis.call('ZADD', key, now, token)
  redis.call('PEXPIRE', key, math.ceil((window + lease) / 1000))
end

local function window_answered(key, now, token)
  redis.call('ZADD', key, 'XX', now, token)
end

-- Breaker: closed -> (threshold failures in a row) -> open -> (time) -> half-open: exactly one probe -> closed or open.
local function breaker_wait(key, now)
  local state, open_until, probe_until = unpack(redis.call('HMGET', key, 'breaker', 'open_until', 'probe_until'))
  if state == 'open' and now < tonumber(open_until) then return tonumber(open_until) - now, 'breaker_open' end
  if state == 'half_open' and now < tonumber(probe_until) then
    return math.min(tonumber(probe_until) - now, SOON), 'probe_in_flight'
  end
  return 0
end

local function breaker_take(key, token, now, lease)
  if redis.call('HEXISTS', key, 'breaker') == 1 then
    redis.call('HSET', key, 'breaker', 'half_open', 'probe', token, 'probe_until', now + lease)
  end
end

local function breaker_open(key, now, open_for)
  redis.call('HSET', key, 'breaker', 'open', 'open_for', open_for, 'open_until', now + open_for)
  redis.call('HDEL', key, 'probe', 'probe_until', 'failures')
end

-- `health` is success, failure or neutral. Answers to requests from before the breaker opened change nothing.
local function breaker_report(key, token, health, now, rule)
  local state, probe, open_for = unpack(redis.call('HMGET', key, 'breaker', 'probe', 'open_for'))
  if not state then
    if health == 'success' then
      redis.call('HDEL', key, 'failures')
    elseif health == 'failure' and redis.call('HINCRBY', key, 'failures', 1) >= rule.threshold then
      breaker_open(key, now, rule.open_for)
    end
  elseif state == 'half_open' and probe == token then
    if health == 'success' then
      redis.call('HDEL', key, 'breaker', 'probe', 'probe_until', 'open_for', 'open_until', 'failures')
    elseif health == 'failure' then
      breaker_open(key, now, math.min(tonumber(open_for) * 2, rule.open_max))
    else
      redis.call('HSET', key, 'probe_until', now) -- it proved nothing: the next one may
    end
  end
end

-- Bucket: what Discord's headers said last (limit, remaining, reset), less what has been claimed since. Most buckets
-- slide: each request comes back on its own, the next one at `next_at`, and all are back at `reset_at`. Some are fixed
-- windows: nothing comes back before `reset_at`, and no header says which it is (discord-api-docs #7680).
local function bucket(gate, now)
  local limit, remaining, reset_at, next_at = unpack(redis.call('HMGET', gate.state,
    'bucket_limit', 'bucket_remaining', 'bucket_reset_at', 'bucket_next_at'))
  redis.call('ZREMRANGEBYSCORE', gate.in_flight, '-inf', now)
  local in_flight = redis.call('ZCARD', gate.in_flight)
  limit = tonumber(limit) or gate.args.bucket_limit
  reset_at = tonumber(reset_at) or 0
  remaining, next_at = tonumber(remaining), tonumber(next_at) or reset_at
  if now >= reset_at then
    remaining = limit - in_flight -- those may fall into the new period
  elseif now >= next_at then
    remaining = 1 - in_flight
  end
  return limit, remaining, reset_at, in_flight, next_at
end

local function bucket_wait(gate, now)
  local _, remaining, reset_at, _, next_at = bucket(gate, now)
  if remaining > 0 then return 0 end
  if now < next_at then return next_at - now end
  return now < reset_at and reset_at - now or SOON
end

local function bucket_take(gate, now, token)
  local limit, remaining, reset_at = bucket(gate, now)
  if now >= reset_at then reset_at = now + gate.args.bucket_window end
  redis.call('HSET', gate.state, 'bucket_limit', limit, 'bucket_remaining', remaining - 1, 'bucket_reset_at', reset_at)
  redis.call('HDEL', gate.state, 'bucket_next_at')
  redis.call('ZADD', gate.in_flight, now + gate.args.lease, token)
  redis.call('PEXPIRE', gate.in_flight, math.ceil(gate.args.lease / 1000))
end

-- Within one period, Discord's own reset time moves with each request where the bucket slides, and stands still where
-- it is a fixed window.
local function bucket_slides(gate, now, reset_at, learned)
  local before, slides = unpack(redis.call('HMGET', gate.state, 'bucket_told_reset', 'bucket_slides'))
  if not learned.reset_at then return false end
  redis.call('HSET', gate.state, 'bucket_told_reset', learned.reset_at)
  local used = learned.limit - learned.remaining
  if before and now < reset_at and used > 1 then
    slides = learned.reset_at - tonumber(before) > learned.reset_after / used / 2 and '1' or '0'
    redis.call('HSET', gate.state, 'bucket_slides', slides)
  end
  return slides == '1'
end

-- Answers overtake each other: only one that was alone on its way tells the whole truth, others may only tighten.
local function bucket_learn(gate, now, token, claimed_at, learned)
  redis.call('ZREM', gate.in_flight, token)
  local _, remaining, reset_at, in_flight = bucket(gate, now)
  local alone = in_flight == 0 and tonumber(redis.call('HGET', gate.state, 'answered_at') or 0) < claimed_at
  redis.call('HSET', gate.state, 'answered_at', now)
  redis.call('HDEL', gate.state, 'bucket_next_at')
  if not learned then -- nobody knows when Discord counted it, so a whole period from now
    redis.call('HSET', gate.state, 'bucket_remaining', now >= reset_at and remaining - 1 or remaining,
      'bucket_reset_at', math.max(reset_at, now + gate.args.bucket_window))
    return
  end
  local slides = bucket_slides(gate, now, reset_at, learned)
  local told = math.max(0, learned.remaining - in_flight)
  local told_reset = now + learned.reset_after
  redis.call('HSET', gate.state, 'bucket_limit', learned.limit,
    'bucket_remaining', alone and told or math.min(told, remaining),
    'bucket_reset_at', alone and told_reset or math.max(told_reset, reset_at))
  if alone and slides and told == 0 then
    -- all are back after reset_after, so the first after a limit-th of it, or sooner
    redis.call('HSET', gate.state, 'bucket_next_at', math.ceil(now + learned.reset_after / learned.limit))
  end
end

local function channel_key(gate)
  local channel = redis.call('HGET', gate.state, 'channel')
  return gate.channel_prefix .. (channel or ('of-webhook-' .. gate.args.webhook_id))
end

local function channel_wait(gate, now)
  local key = channel_key(gate)
  local blocked_until = tonumber(redis.call('GET', key .. ':blocked') or 0)
  return math.max(blocked_until - now, window_wait(key, now, gate.args.channel_limit, gate.args.channel_window))
end

-- 'quarantined' and its reason, or 'fetch_webhook', or 'wait', microseconds and reason; or 'open'.
local function gate_check(gate, now)
  local waits = {}
  local edge_until, edge_reason = unpack(redis.call('HMGET', gate.edge, 'pause_until', 'pause_reason'))
  table.insert(waits, { (tonumber(edge_until) or 0) - now, edge_reason })
  local banned, ban_reason = breaker_wait(gate.edge, now)
  table.insert(waits, { banned, ban_reason == 'breaker_open' and 'edge_banned' or ban_reason })
  table.insert(waits, { window_wait(gate.edge_sent, now, gate.args.global_limit, SECOND), 'global_rate_limited' })

  local quarantined, why = unpack(redis.call('HMGET', gate.state, 'quarantined', 'quarantine_reason'))
  if quarantined == gate.args.fingerprint then return 'quarantined', why end
  if quarantined then redis.call('HDEL', gate.state, 'quarantined', 'quarantine_reason') end

  table.insert(waits, { breaker_wait(gate.state, now) })
  table.insert(waits, { bucket_wait(gate, now), 'rate_limited' })
  table.insert(waits, { channel_wait(gate, now), 'channel_rate_limited' })
  table.insert(waits, { window_wait(gate.sent, now, gate.args.rate_limit, gate.args.rate_window), 'configured_limit' })

  local longest = { 0 }
  for _, wait in ipairs(waits) do
    if wait[1] > longest[1] then longest = wait end
  end
  if longest[1] > 0 then return 'wait', longest[1], longest[2] end

  local introduce_at, introducing_until =
    unpack(redis.call('HMGET', gate.state, 'introduce_at', 'introducing_until'))
  -- never where a probe is due: the one request that may go then is a real one
  local probing = redis.call('HEXISTS', gate.state, 'breaker') + redis.call('HEXISTS', gate.edge, 'breaker') > 0
  if not probing and now >= (tonumber(introduce_at) or 0) then
    if now < (tonumber(introducing_until) or 0) then return 'wait', SECOND / 5, 'introducing' end
    return 'fetch_webhook'
  end
  return 'open'
end

-- Whether the webhook has answered nothing but failures for this many requests, the one that is about to be reported
-- among them.
local function gate_failing(gate, requests)
  local breaker, failures = unpack(redis.call('HMGET', gate.state, 'breaker', 'failures'))
  return breaker or tonumber(failures or 0) + 1 >= requests
end

-- Reserve one request.
local function gate_take(gate, now, token)
  breaker_take(gate.edge, token, now, gate.args.lease)
  breaker_take(gate.state, token, now, gate.args.lease)
  bucket_take(gate, now, token)
  window_take(gate.edge_sent, now, token, SECOND, gate.args.lease)
  window_take(channel_key(gate), now, token, gate.args.channel_window, gate.args.lease)
  window_take(gate.sent, now, token, gate.args.rate_window, gate.args.lease)
  redis.call('PEXPIRE', gate.state, LIFE_MS)
end

-- A request that was reserved and never made. What is over in a minute is left to pass.
local function gate_give_back(gate, now, token)
  redis.call('ZREM', gate.in_flight, token)
  breaker_report(gate.state, token, 'neutral', now, gate.args.breaker)
  breaker_report(gate.edge, token, 'neutral', now, gate.args.edge_breaker)
end

-- Where a 429 or a ban says so, pause what it speaks of.
local function gate_pause(gate, now, pause)
  local ends = now + pause.wait
  if pause.scope == 'webhook' then
    redis.call('HSET', gate.state, 'bucket_remaining', 0, 'bucket_reset_at', ends, 'bucket_slides', '0')
    redis.call('HDEL', gate.state, 'bucket_next_at')
  elseif pause.scope == 'channel' then
    redis.call('SET', channel_key(gate) .. ':blocked', ends, 'PX', math.max(1, math.ceil(pause.wait / 1000)))
  elseif pause.scope == 'global' then
    redis.call('HSET', gate.edge, 'pause_until', ends, 'pause_reason', pause.reason)
  elseif pause.scope == 'edge' then
    local ends_already = tonumber(redis.call('HGET', gate.edge, 'open_until') or 0)
    if ends > ends_already then redis.call('HSET', gate.edge, 'open_until', ends) end
  end
end

-- report: claimed_at, health, edge (health of webhook and edge), learned (bucket headers), pause {scope, wait, reason}, quarantine (reason)
-- Returns what has become worth telling: 'breaker_open', 'edge_banned', 'webhook_gone'.
local function gate_report(gate, now, token, report)
  local was_open, was_gone = unpack(redis.call('HMGET', gate.state, 'breaker', 'quarantined'))
  local was_banned = redis.call('HEXISTS', gate.edge, 'breaker') == 1
  local news = {}
  window_answered(gate.edge_sent, now, token)
  window_answered(channel_key(gate), now, token)
  window_answered(gate.sent, now, token)
  bucket_learn(gate, now, token, report.claimed_at, report.learned)
  breaker_report(gate.state, token, report.health, now, gate.args.breaker)
  breaker_report(gate.edge, token, report.edge, now, gate.args.edge_breaker)
  if report.pause then gate_pause(gate, now, report.pause) end
  if report.quarantine then
    redis.call('HSET', gate.state, 'quarantined', gate.args.fingerprint, 'quarantine_reason', report.quarantine)
  end
  redis.call('PEXPIRE', gate.state, LIFE_MS)
  redis.call('PEXPIRE', gate.edge, LIFE_MS)
  if not was_open and redis.call('HEXISTS', gate.state, 'breaker') == 1 then table.insert(news, 'breaker_open') end
  if not was_banned and redis.call('HEXISTS', gate.edge, 'breaker') == 1 then table.insert(news, 'edge_banned') end
  if report.quarantine and was_gone ~= gate.args.fingerprint then table.insert(news, 'webhook_gone') end
  return news
end

-- Count what somebody should be told of; `watch` is the key of that hash.
local function tell(watch, what, subject, detail, count)
  redis.call('HINCRBY', watch, what .. '|' .. subject .. '|' .. (detail or ''), count or 1)
  redis.call('PEXPIRE', watch, LIFE_MS)
end

local function gate_of(first, keys, args, channel_prefix)
  return { state = keys[first], in_flight = keys[first + 1], sent = keys[first + 2], edge = keys[first + 3],
    edge_sent = keys[first + 4], args = args, channel_prefix = channel_prefix }
end
