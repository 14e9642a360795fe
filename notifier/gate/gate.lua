-- The gate of one webhook: may a request go now? What its answer teaches is in answer.lua. It puts the algorithms
-- together, which stand in window.lua, bucket.lua, breaker.lua, pause.lua and quarantine.lua; the edge gate for the
-- whole address is part of each.
--
-- gate: a table made by gate_of, with these keys
--   state           hash: the fields of breaker, bucket and quarantine, and of what Get Webhook told:
--                   channel, guild, name
--                   introduced_at      when Get Webhook last told them
--                   introduce_at       when it is due again
--                   introducing_…      while it is under way: its lease (lease.lua)
--                   fetched_for        fingerprint of the URL that it was last asked with
--                   fetched_by         token of the request that asked
--                   (from when this was called to introduce a webhook; workers of an earlier version read them too)
--                   lives_at           when the lives of its windows began anew
--                   closed             who has closed this gate, when and why (JSON): nothing goes until it is opened
--                   bucket_name        the name of the bucket of posts (X-RateLimit-Bucket)
--   in_flight       sorted set: the bucket's requests without an answer
--   sent            sorted set: the window of DISCORD_RATE_LIMIT
--   edge            hash: the breaker of the whole address (a ban), pause_until and pause_reason (a global limit)
--   edge_sent       sorted set: the window of the whole address
--   channel_prefix  followed by the channel's id: sorted set, the window of the channel; the same with ':blocked':
--                   string, when the pause of the channel ends; with ':pause': hash, that pause (pause.lua)
-- and with args: the limits, as `limits` in gate.py lists them, and among them further keys
--   pause, edge_pause     hashes: the pause of this webhook, and that of a global limit (pause.lua)
--   read, read_in_flight  hash and sorted set: the bucket of Get Webhook, with its bucket_name
-- and with workers, as lease.lua has them (nil: for a step that asks for nothing). All times: microseconds.
-- token: of a request, the same from its claim to its answer; worker: the name of its worker
--
-- gate_of(first, keys, args, channel_prefix, workers)
--                                             returns the gate whose keys are keys[first] to keys[first + 4]
-- gate_exceptions(gate)                       returns keys that are there only while something holds requests back
-- gate_check(gate, now)                       returns 'open'; or 'wait', microseconds, reason; or 'fetch_webhook' (ask
--                                             Get Webhook first); or 'quarantined', reason
-- gate_check_fetch(gate, now)                 returns microseconds until Get Webhook may be asked, and why; 0 means now
-- gate_take(gate, now, token, worker)         reserves one request that carries alerts
-- gate_take_fetch(gate, now, token, worker)   reserves one Get Webhook request; others wait for its answer
-- gate_reserve_fetch(gate, now, token)        reserves one for whose answer nobody waits
-- gate_pauses(gate, now)                      returns what answers have said, by scope, each as { scope, key (of its
--                                             pause), left (microseconds; 0 or less: it is over), reason }
-- Answers use global_left, channel_key, channel_left and channel_block too.

local FETCH_LOOK_AGAIN = SECOND / 5

local function gate_of(first, keys, args, channel_prefix, workers)
  return { state = keys[first], in_flight = keys[first + 1], sent = keys[first + 2], edge = keys[first + 3],
    edge_sent = keys[first + 4], args = args, channel_prefix = channel_prefix, workers = workers }
end

local function channel_key(gate)
  local channel = redis.call('HGET', gate.state, 'channel')
  return gate.channel_prefix .. (channel or ('of-webhook-' .. gate.args.webhook_id))
end

local function gate_exceptions(gate)
  local channel = channel_key(gate)
  return { gate.edge, gate.args.pause, gate.args.edge_pause, channel .. ':blocked', channel .. ':pause' }
end

local function channel_block(channel, now, left)
  redis.call('SET', channel .. ':blocked', now + left, 'PX', math.max(1, math.ceil(left / 1000)))
end

local function channel_left(channel, now)
  local left = (tonumber(redis.call('GET', channel .. ':blocked')) or 0) - now
  if left > HOUR then channel_block(channel, now, HOUR) end
  return math.min(left, HOUR)
end

local function global_left(edge, now)
  local ends, reason = unpack(redis.call('HMGET', edge, 'pause_until', 'pause_reason'))
  local left = (tonumber(ends) or 0) - now
  if left > HOUR then redis.call('HSET', edge, 'pause_until', now + HOUR) end
  return math.min(left, HOUR), reason or 'global_rate_limited'
end

local function gate_pauses(gate, now)
  local args, channel = gate.args, channel_key(gate)
  local global, reason = global_left(gate.edge, now)
  local webhook = bucket_wait(gate.state, gate.in_flight, now, args.bucket)
  local blocked = channel_left(channel, now)
  return {
    { scope = 'global', key = args.edge_pause, left = global, reason = reason },
    { scope = 'webhook', key = args.pause, left = webhook, reason = 'rate_limited' },
    { scope = 'channel', key = channel .. ':pause', left = blocked, reason = 'channel_rate_limited' },
  }
end

-- The longest of these waits, each { microseconds, reason }; 0 if none holds.
local function longest_of(waits)
  local longest = { 0 }
  for _, wait in ipairs(waits) do
    if wait[1] > longest[1] then longest = wait end
  end
  return unpack(longest, 1, 2)
end

-- Everything that may hold a request back.
local function gate_wait(gate, now)
  local args, workers = gate.args, gate.workers
  local waits = {
    { breaker_wait(gate.edge, now, 'edge_banned', args.lease, workers) },
    { window_wait(gate.edge_sent, now, args.global), 'global_rate_limited' },
    { breaker_wait(gate.state, now, 'breaker_open', args.lease, workers) },
    { window_wait(channel_key(gate), now, args.channel), 'channel_rate_limited' },
    { window_wait(gate.sent, now, args.configured), 'configured_limit' },
  }
  for _, pause in ipairs(gate_pauses(gate, now)) do
    table.insert(waits, { pause_wait(pause.key, now, pause.left, pause.reason, args.lease, workers) })
  end
  return longest_of(waits)
end

-- All that lets one request at a time through while it is not closed: breakers, and pauses.
local function gate_breakers(gate)
  return { gate.edge, gate.state, gate.args.pause, gate.args.edge_pause, channel_key(gate) .. ':pause' }
end

-- Whether one of them has its one request to come, or under way: it is to be a real one.
local function gate_probes(gate)
  for _, key in ipairs(gate_breakers(gate)) do
    if not breaker_closed(key) then return true end
  end
  return false
end

-- Get Webhook has a bucket of its own, if the names that answers gave the two differ. While one is not known, it counts
-- in both.
local function reads_may_share(gate)
  local posts, reads = redis.call('HGET', gate.state, 'bucket_name'), redis.call('HGET', gate.args.read, 'bucket_name')
  return not posts or not reads or posts == reads
end

local function gate_check_fetch(gate, now)
  local args = gate.args
  local left, reason = global_left(gate.edge, now)
  local waits = {
    { left, reason },
    { breaker_closed(gate.edge) and 0 or SOON, 'edge_banned' },
    { window_wait(gate.edge_sent, now, args.global), 'global_rate_limited' },
    { bucket_wait(args.read, args.read_in_flight, now, args.bucket), 'rate_limited' },
  }
  if reads_may_share(gate) then
    table.insert(waits, { bucket_wait(gate.state, gate.in_flight, now, args.bucket), 'rate_limited' })
  end
  return longest_of(waits)
end

-- When it is due again: no further ahead than a day, for the clock may have stepped back since.
local function fetch_due_at(gate, now)
  local due_at, latest = tonumber(redis.call('HGET', gate.state, 'introduce_at')) or 0, now + gate.args.fetch_life
  if due_at <= latest then return due_at end
  redis.call('HSET', gate.state, 'introduce_at', latest)
  return latest
end

-- 'due', 'under_way', or nil. No alert waits for it while only a probe may go, or while Get Webhook itself may not.
local function webhook_fetch(gate, now)
  if gate_probes(gate) then return nil end
  -- another URL of a webhook that is known proves itself first, in one request for the fleet, which posts nothing
  local fetched_for = redis.call('HGET', gate.state, 'fetched_for')
  local is_another = fetched_for and fetched_for ~= gate.args.fingerprint
  if not is_another and now < fetch_due_at(gate, now) then return nil end
  if lease_left(gate.state, 'introducing', now, gate.args.lease, gate.workers) > 0 then return 'under_way' end
  return gate_check_fetch(gate, now) == 0 and 'due' or nil
end

local function gate_check(gate, now)
  local dead = quarantine_reason(gate.state, gate.args.fingerprint)
  if dead then return 'quarantined', dead end
  if redis.call('HEXISTS', gate.state, 'closed') == 1 then return 'wait', MINUTE, 'gate_closed' end
  local wait, reason = gate_wait(gate, now)
  if wait > 0 then return 'wait', wait, reason end
  local fetch = webhook_fetch(gate, now)
  if fetch == 'under_way' then return 'wait', FETCH_LOOK_AGAIN, 'fetching_webhook' end
  return fetch == 'due' and 'fetch_webhook' or 'open'
end

-- Whether the lives of its windows are to begin anew: they outlive what they count by a minute.
local function gate_renews(gate, now)
  local since = now - (tonumber(redis.call('HGET', gate.state, 'lives_at')) or 0)
  if since >= 0 and since < MINUTE / 2 then return false end
  redis.call('HSET', gate.state, 'lives_at', now)
  return true
end

local function gate_take(gate, now, token, worker)
  local args, renews = gate.args, gate_renews(gate, now)
  for _, key in ipairs(gate_breakers(gate)) do breaker_take(key, now, token, args.lease, worker) end
  bucket_take(gate.state, gate.in_flight, now, token, args.bucket)
  window_take(gate.edge_sent, now, token, args.global, renews)
  window_take(channel_key(gate), now, token, args.channel, renews)
  window_take(gate.sent, now, token, args.configured, renews)
  redis.call('PEXPIRE', gate.state, LIFE_MS)
end

-- It posts nothing, so it counts neither in the channel's window nor in the configured one.
local function gate_reserve_fetch(gate, now, token)
  local args = gate.args
  if reads_may_share(gate) then bucket_take(gate.state, gate.in_flight, now, token, args.bucket) end
  bucket_take(args.read, args.read_in_flight, now, token, args.bucket)
  window_take(gate.edge_sent, now, token, args.global, true)
  redis.call('PEXPIRE', gate.state, LIFE_MS)
  redis.call('PEXPIRE', args.read, LIFE_MS)
end

local function gate_take_fetch(gate, now, token, worker)
  lease_begin(gate.state, 'introducing', now, gate.args.lease, worker)
  gate_reserve_fetch(gate, now, token)
end
