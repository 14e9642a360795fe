-- What the answer to a request teaches the gate of its webhook, which gate.lua makes.
--
-- feedback: as feedback.py lists it; its times, and now: microseconds
-- token: of the request, as it was claimed
--
-- gate_remember(gate, now, token, feedback)
--                                          counts a request that was made, if Redis has forgotten its claim
-- gate_give_back(gate, now, token)         forgets a request that was never made, or whose worker is dead: no trouble
-- gate_give_back_fetch(gate, now, token)   the same of a Get Webhook request, if others wait for it
-- gate_report(gate, now, token, feedback)  learns from an answer. Returns the causes of new troubles: 'breaker_open',
--                                          'edge_banned', 'webhook_gone'
-- gate_report_fetch(gate, now, token, feedback)
--                                          the same of an answer of Get Webhook
-- gate_note_post(gate, now, health)        when a post last succeeded, and when one failed

-- Returns whether all windows count it.
local function gate_answered(gate, now, token)
  local is_there = true
  for _, key in ipairs({ gate.edge_sent, gate.sent, channel_key(gate) }) do
    is_there = window_answered(key, now, token) and is_there
  end
  return is_there
end

local function gate_remember(gate, now, token, feedback)
  if feedback.health == 'unmade' then return end
  local args = gate.args
  window_remember(gate.edge_sent, now, token, feedback.claimed_at, args.global)
  window_remember(gate.sent, now, token, feedback.claimed_at, args.configured)
  window_remember(channel_key(gate), now, token, feedback.claimed_at, args.channel)
end

-- The windows and the budget still count it: that is over within a minute.
local function gate_give_back(gate, now, token)
  gate_answered(gate, now, token)
  bucket_give_back(gate.in_flight, token)
  bucket_give_back(gate.args.read_in_flight, token)
  breaker_report(gate.state, now, token, 'neutral', gate.args.breaker)
  breaker_report(gate.edge, now, token, 'neutral', gate.args.edge_breaker)
  for _, pause in ipairs(gate_pauses(gate, now)) do pause_report(pause.key, now, token, false, pause.left) end
  return {}
end

-- The lease is this request's if it ends with its place in the bucket.
local function gate_give_back_fetch(gate, now, token)
  local ends = tonumber(redis.call('HGET', gate.state, 'introducing_until'))
  if not ends or tonumber(redis.call('ZSCORE', gate.args.read_in_flight, token)) ~= ends then return end
  lease_end(gate.state, 'introducing')
  gate_give_back(gate, now, token)
end

-- Whether an answer says something of the pause of that scope: Discord has answered, and stopped it for no other scope.
local function is_told(feedback, scope)
  return feedback.edge_health == 'success' and (not feedback.pause or feedback.pause.scope == scope)
end

-- What holds them back is forgotten if this request was the probe: its answer tells it anew.
local function gate_forget_probed(gate, now, token, feedback)
  local forget = {
    webhook = function() bucket_forget(gate.state) end,
    channel = function() redis.call('DEL', channel_key(gate) .. ':blocked') end,
    global = function() redis.call('HDEL', gate.edge, 'pause_until', 'pause_reason') end,
  }
  for _, pause in ipairs(gate_pauses(gate, now)) do
    if is_told(feedback, pause.scope) and breaker_probes(pause.key, token) then forget[pause.scope]() end
  end
end

-- A 429 pauses what it speaks of: this webhook (`budget`: the hash of its bucket), its channel, or the whole address. A
-- ban opens the breaker of the edge.
local function gate_pause(gate, now, pause, budget)
  local wait = math.min(pause.wait, HOUR)
  if wait <= 0 then return end -- no request was made after all, or no time was named
  if pause.scope == 'webhook' then
    bucket_pause(budget, now, now + wait)
  elseif pause.scope == 'channel' then
    local channel = channel_key(gate)
    channel_block(channel, now, math.max(wait, channel_left(channel, now)))
  elseif pause.scope == 'global' then
    local ends = now + math.max(wait, (global_left(gate.edge, now)))
    redis.call('HSET', gate.edge, 'pause_until', ends, 'pause_reason', pause.reason)
  end
end

local function gate_report_health(gate, now, token, feedback)
  local args, causes = gate.args, {}
  if breaker_report(gate.state, now, token, feedback.health, args.breaker) then
    table.insert(causes, 'breaker_open')
  end
  if breaker_report(gate.edge, now, token, feedback.edge_health, args.edge_breaker) then
    table.insert(causes, 'edge_banned')
  end
  if feedback.quarantine and quarantine_start(gate.state, args.fingerprint, feedback.quarantine) then
    table.insert(causes, 'webhook_gone')
  end
  if feedback.health == 'success' then quarantine_refute(gate.state, args.fingerprint) end
  redis.call('PEXPIRE', gate.state, LIFE_MS)
  redis.call('PEXPIRE', gate.edge, LIFE_MS)
  return causes
end

local function gate_report(gate, now, token, feedback)
  if feedback.health == 'unmade' then return gate_give_back(gate, now, token) end
  local headers, args = feedback.headers, gate.args
  if not gate_answered(gate, now, token) then gate_remember(gate, now, token, feedback) end
  gate_forget_probed(gate, now, token, feedback)
  bucket_learn(gate.state, gate.in_flight, now, token, feedback.claimed_at, headers, args.bucket)
  if headers and headers.bucket then redis.call('HSET', gate.state, 'bucket_name', headers.bucket) end
  if feedback.pause then gate_pause(gate, now, feedback.pause, gate.state) end
  for _, pause in ipairs(gate_pauses(gate, now)) do
    pause_report(pause.key, now, token, is_told(feedback, pause.scope), pause.left)
  end
  return gate_report_health(gate, now, token, feedback)
end

-- Its headers speak of the bucket that they name; so does a 429 of it.
local function gate_report_fetch(gate, now, token, feedback)
  if feedback.health == 'unmade' then return gate_give_back(gate, now, token) end
  local headers, args = feedback.headers, gate.args
  local named = headers and headers.bucket
  local budget, other = { args.read, args.read_in_flight }, gate.in_flight
  if named then
    redis.call('HSET', args.read, 'bucket_name', named)
    if named == redis.call('HGET', gate.state, 'bucket_name') then
      budget, other = { gate.state, gate.in_flight }, args.read_in_flight
    end
  end
  gate_answered(gate, now, token)
  bucket_give_back(other, token)
  bucket_learn(budget[1], budget[2], now, token, feedback.claimed_at, headers, args.bucket)
  if feedback.pause then gate_pause(gate, now, feedback.pause, budget[1]) end
  redis.call('PEXPIRE', args.read, LIFE_MS)
  return gate_report_health(gate, now, token, feedback)
end

local function gate_note_post(gate, now, health)
  local field = { success = 'posted_at', failure = 'failed_at' }
  if field[health] then redis.call('HSET', gate.state, field[health], now) end
end
