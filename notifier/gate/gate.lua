-- The gate of one webhook: may a request go now, and what did its answer teach? It puts the algorithms together, which
-- stand in window.lua, bucket.lua, breaker.lua and quarantine.lua; the edge gate for the whole address is part of each.
--
-- gate: a table made by gate_of, with these keys
--   state           hash: the fields of breaker, bucket and quarantine, and of what Get Webhook told:
--                   channel, guild, name
--                   introduced_at      when Get Webhook last told them
--                   introduce_at       when it is due again
--                   introducing_until  while it is under way: when that request counts as lost
--                   fetched_for        fingerprint of the URL that it was last asked with
--                   (from when this was called to introduce a webhook; workers of an earlier version read them too)
--   in_flight       sorted set: the bucket's requests without an answer
--   sent            sorted set: the window of DISCORD_RATE_LIMIT
--   edge            hash: the breaker of the whole address (a ban), pause_until and pause_reason (a global limit)
--   edge_sent       sorted set: the window of the whole address
--   channel_prefix  followed by the channel's id: sorted set, the window of the channel; the same with ':blocked':
--                   string, when the pause of the channel ends
-- and with args: the limits, as `limits` in gate.py lists them. All times: microseconds.
-- token: of a request, the same from its claim to its answer
--
-- gate_of(first, keys, args, channel_prefix)  returns the gate whose keys are keys[first] to keys[first + 4]
-- gate_check(gate, now)                       returns 'open'; or 'wait', microseconds, reason; or 'fetch_webhook' (ask
--                                             Get Webhook first); or 'quarantined', reason
-- gate_take(gate, now, token)                 reserves one request that carries alerts
-- gate_take_fetch(gate, now, token)           reserves one Get Webhook request; others wait for its answer
-- gate_give_back(gate, now, token)            forgets a request that was reserved and never made
-- gate_report(gate, now, token, feedback)     learns from an answer; feedback: as feedback.py lists it. Returns the
--                                             causes of new troubles: 'breaker_open', 'edge_banned', 'webhook_gone'

local FETCH_LOOK_AGAIN = SECOND / 5

local function gate_of(first, keys, args, channel_prefix)
  return { state = keys[first], in_flight = keys[first + 1], sent = keys[first + 2], edge = keys[first + 3],
    edge_sent = keys[first + 4], args = args, channel_prefix = channel_prefix }
end

local function channel_key(gate)
  local channel = redis.call('HGET', gate.state, 'channel')
  return gate.channel_prefix .. (channel or ('of-webhook-' .. gate.args.webhook_id))
end

local function channel_wait(key, now, rule)
  local blocked_until = tonumber(redis.call('GET', key .. ':blocked')) or 0
  return math.max(blocked_until - now, window_wait(key, now, rule.limit, rule.window))
end

local function global_pause_wait(edge, now)
  local pause_until, pause_reason = unpack(redis.call('HMGET', edge, 'pause_until', 'pause_reason'))
  return (tonumber(pause_until) or 0) - now, pause_reason
end

-- Everything that may hold a request back, as { microseconds, reason }; none if it is 0 or less.
local function gate_waits(gate, now)
  local args = gate.args
  return {
    { global_pause_wait(gate.edge, now) },
    { breaker_wait(gate.edge, now, 'edge_banned') },
    { window_wait(gate.edge_sent, now, args.global.limit, args.global.window), 'global_rate_limited' },
    { breaker_wait(gate.state, now, 'breaker_open') },
    { bucket_wait(gate.state, gate.in_flight, now, args.bucket), 'rate_limited' },
    { channel_wait(channel_key(gate), now, args.channel), 'channel_rate_limited' },
    { window_wait(gate.sent, now, args.configured.limit, args.configured.window), 'configured_limit' },
  }
end

-- 'due', 'under_way', or nil. Never due while a breaker is not closed: the one request that may go then is a real one.
local function webhook_fetch(gate, now)
  local due_at, under_way_until, fetched_for =
    unpack(redis.call('HMGET', gate.state, 'introduce_at', 'introducing_until', 'fetched_for'))
  -- another URL of a webhook that is known proves itself first, in one request for the fleet, which posts nothing
  local is_another = fetched_for and fetched_for ~= gate.args.fingerprint
  if not (breaker_closed(gate.state) and breaker_closed(gate.edge)) then return nil end
  if now < (tonumber(due_at) or 0) and not is_another then return nil end
  return now < (tonumber(under_way_until) or 0) and 'under_way' or 'due'
end

local function gate_check(gate, now)
  local dead = quarantine_reason(gate.state, gate.args.fingerprint)
  if dead then return 'quarantined', dead end
  local longest = { 0 }
  for _, wait in ipairs(gate_waits(gate, now)) do
    if wait[1] > longest[1] then longest = wait end
  end
  if longest[1] > 0 then return 'wait', longest[1], longest[2] end
  local fetch = webhook_fetch(gate, now)
  if fetch == 'under_way' then return 'wait', FETCH_LOOK_AGAIN, 'fetching_webhook' end
  return fetch == 'due' and 'fetch_webhook' or 'open'
end

local function gate_take(gate, now, token)
  local args = gate.args
  breaker_take(gate.edge, now, token, args.lease)
  breaker_take(gate.state, now, token, args.lease)
  bucket_take(gate.state, gate.in_flight, now, token, args.bucket, args.lease)
  window_take(gate.edge_sent, now, token, args.global.window, args.lease)
  window_take(channel_key(gate), now, token, args.channel.window, args.lease)
  window_take(gate.sent, now, token, args.configured.window, args.lease)
  redis.call('PEXPIRE', gate.state, LIFE_MS)
end

-- It posts nothing, so it counts neither in the channel's window nor in the configured one.
local function gate_take_fetch(gate, now, token)
  local args = gate.args
  redis.call('HSET', gate.state, 'introducing_until', now + args.lease)
  bucket_take(gate.state, gate.in_flight, now, token, args.bucket, args.lease)
  window_take(gate.edge_sent, now, token, args.global.window, args.lease)
  redis.call('PEXPIRE', gate.state, LIFE_MS)
end

-- The windows and the budget still count it: that is over within a minute.
local function gate_give_back(gate, now, token)
  bucket_give_back(gate.in_flight, token)
  breaker_report(gate.state, now, token, 'neutral', gate.args.breaker)
  breaker_report(gate.edge, now, token, 'neutral', gate.args.edge_breaker)
end

-- A 429 or a ban pauses what it speaks of: this webhook, its channel, or the whole address.
local function gate_pause(gate, now, pause)
  local ends = now + pause.wait
  if pause.scope == 'webhook' then
    bucket_pause(gate.state, ends)
  elseif pause.scope == 'channel' then
    redis.call('SET', channel_key(gate) .. ':blocked', ends, 'PX', math.max(1, math.ceil(pause.wait / 1000)))
  elseif pause.scope == 'global' then
    redis.call('HSET', gate.edge, 'pause_until', ends, 'pause_reason', pause.reason)
  elseif pause.scope == 'edge' then
    breaker_hold(gate.edge, ends)
  end
end

local function gate_report(gate, now, token, feedback)
  local args, causes = gate.args, {}
  window_answered(gate.edge_sent, now, token)
  window_answered(channel_key(gate), now, token)
  window_answered(gate.sent, now, token)
  bucket_learn(gate.state, gate.in_flight, now, token, feedback.claimed_at, feedback.headers, args.bucket)
  if breaker_report(gate.state, now, token, feedback.health, args.breaker) then
    table.insert(causes, 'breaker_open')
  end
  if breaker_report(gate.edge, now, token, feedback.edge_health, args.edge_breaker) then
    table.insert(causes, 'edge_banned')
  end
  if feedback.pause then gate_pause(gate, now, feedback.pause) end
  if feedback.quarantine and quarantine_start(gate.state, args.fingerprint, feedback.quarantine) then
    table.insert(causes, 'webhook_gone')
  end
  redis.call('PEXPIRE', gate.state, LIFE_MS)
  redis.call('PEXPIRE', gate.edge, LIFE_MS)
  return causes
end
