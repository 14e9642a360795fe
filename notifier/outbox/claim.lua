-- May a request go now, and what rides in it?
-- KEYS: 1-5 the outbox (outbox.lua), 6-10 the gate (gate.lua)
-- ARGV: 1 (JSON): id ('' for a wake-up), wake_up (its token, ''), token (of the batch or of the next wake-up),
--         worker, worker_prefix (signs of life), lease, witness (microseconds), notification_prefix, channel_prefix,
--         embeds_max, characters_max, note_characters, life (seconds), expire, late (microseconds),
--         unanswered (tokens of claims of this caller's whose answers never came), gate (limits; webhook_id '' where none
--         is configured)
-- Returns one of
--   absent                          this id was never admitted
--   final, record, finished_at      this notification's story has ended
--   idle                            nothing waits
--   deferred, wait, reason, arm     arm: microseconds until the wake-up that the caller has to send, or -1
--   fetch_webhook                       ask Discord for this webhook's channel, then claim again
--   batch | abandoned | blocked, now, reason, guild, then for each notification: id, message, attempts, admitted_at,
--                                   unknown (reason: it may have been posted; or ''), waited (JSON: microseconds by reason)
local args = cjson.decode(ARGV[1])
local gate = gate_of(6, KEYS, args.gate, args.channel_prefix)
local now = now_us()

local function deferred(wait, reason)
  if reason ~= 'batching' and reason ~= 'introducing' then hold(now, reason, args.life) end
  return { 'deferred', wait, reason, arm(now, wait, args.token) }
end

local function lease(kind, reason, ids)
  local answer = { kind, now, reason, redis.call('HGET', gate.state, 'guild') or '' }
  local held = cjson.decode(redis.call('HGET', KEYS[4], 'held') or '[]')
  for _, id in ipairs(ids) do
    local key = args.notification_prefix .. id
    local message, attempts, admitted_at, sequence, unknown, seen_at, spooled =
      unpack(redis.call('HMGET', key, 'message', 'attempts', 'admitted_at', 'sequence', 'unknown', 'seen_at', 'spooled'))
    local here_since = tonumber(admitted_at) + (spooled or 0)
    redis.call('ZREM', KEYS[1], id)
    redis.call('ZREM', KEYS[2], id)
    redis.call('ZADD', KEYS[3], sequence, id)
    trail(key, { at = now, step = kind, reason = reason, with = #ids - 1,
      waited = held_since(held, now, tonumber(seen_at or here_since)) })
    local waited = held_since(held, now, here_since)
    if spooled then waited.broker_unavailable = tonumber(spooled) end
    for _, value in ipairs({ id, message, attempts, admitted_at, unknown or '', cjson.encode(waited) }) do
      table.insert(answer, value)
    end
  end
  hold(now, 'in_flight', args.life)
  redis.call('HSET', KEYS[4], 'batch', args.token, 'lease_until', now + args.lease, 'worker', args.worker)
  redis.call('HDEL', KEYS[4], 'missed_at')
  for key = 1, 4 do redis.call('EXPIRE', KEYS[key], args.life) end
  return answer
end

local under_way = string.match(redis.call('GET', KEYS[5]) or '', '(.*) (.*)')
if args.wake_up ~= '' and under_way == args.wake_up then redis.call('DEL', KEYS[5]) end

if args.id ~= '' then
  local exists, record, finished_at =
    unpack(redis.call('HMGET', args.notification_prefix .. args.id, 'sequence', 'record', 'finished_at'))
  if record then return { 'final', record, finished_at } end
  if not exists then return { 'absent' } end
end

-- A batch that was leased to this caller, who never heard of it: no request was made.
local batch = redis.call('HGET', KEYS[4], 'batch')
for _, token in ipairs(args.unanswered) do
  if token == batch then
    for _, id in ipairs(redis.call('ZRANGE', KEYS[3], 0, -1)) do
      local sequence = redis.call('HGET', args.notification_prefix .. id, 'sequence')
      if sequence then redis.call('ZADD', KEYS[1], sequence, id) end
    end
    redis.call('DEL', KEYS[3])
    redis.call('HDEL', KEYS[4], 'batch', 'lease_until', 'worker', 'missed_at')
    gate_give_back(gate, now, token)
    batch = false
  end
end

-- One request of an outbox at a time: the channel shows the alerts in order, and a slow webhook holds one thread.
if batch then
  local left, alive = lease_wait(now, args.worker_prefix, args.witness)
  if alive and left > 0 then return { 'deferred', left, 'in_flight', -1 } end
  if left > 0 then return deferred(left, 'in_flight') end
  local ids = redis.call('ZRANGE', KEYS[3], 0, -1)
  if #ids > 0 then return lease('abandoned', '', ids) end
end

for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now)) do
  redis.call('ZREM', KEYS[2], id)
  local sequence = redis.call('HGET', args.notification_prefix .. id, 'sequence')
  if sequence then redis.call('ZADD', KEYS[1], sequence, id) end
end
redis.call('EXPIRE', KEYS[1], args.life)

-- Too old: a dead letter, whether or not the gate is open.
local expired = {}
for key = 1, 2 do
  for _, id in ipairs(redis.call('ZRANGE', KEYS[key], 0, args.embeds_max - 1)) do
    local admitted_at = redis.call('HGET', args.notification_prefix .. id, 'admitted_at')
    if admitted_at and tonumber(admitted_at) + args.expire <= now and #expired < args.embeds_max then
      table.insert(expired, id)
    end
  end
end
if #expired > 0 then return lease('blocked', 'expired', expired) end

-- The front of the queue, as far as it shares one request. Some say in a note that they are late, or for another channel, or a repeat.
local ids, characters, shared, full = {}, 0, nil, false
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, args.embeds_max - 1)) do
  local share, length, unknown, rerouted, admitted_at = unpack(redis.call('HMGET', args.notification_prefix .. id,
    'share', 'characters', 'unknown', 'rerouted', 'admitted_at'))
  if share and (unknown or rerouted or now - admitted_at > args.late) then length = length + args.note_characters end
  if not share then
    redis.call('ZREM', KEYS[1], id) -- outlived by its place in the queue
  else
    local fits = #ids == 0 or (share ~= '' and share == shared and characters + length <= args.characters_max)
    if not fits then
      full = true
      break
    end
    table.insert(ids, id)
    characters, shared = characters + length, share
    full = share == '' or #ids == args.embeds_max
    if full then break end
  end
end
if #ids == 0 then
  local wait = due_in(now)
  if not wait then return { 'idle' } end
  return deferred(wait, 'backing_off')
end

if args.gate.webhook_id == '' then return lease('blocked', 'webhook_not_configured', ids) end
local answer, detail, reason = gate_check(gate, now)
if answer == 'quarantined' then return lease('blocked', 'webhook_quarantined', ids) end
if answer == 'wait' then return deferred(detail, reason) end
local company = batching_wait(now, full)
if company > 0 then return deferred(company, 'batching') end
if answer == 'fetch_webhook' then
  redis.call('HSET', gate.state, 'introducing_until', now + args.lease)
  redis.call('PEXPIRE', gate.state, LIFE_MS)
  bucket_take(gate, now, args.token)
  window_take(gate.edge_sent, now, args.token, SECOND, args.lease)
  return { 'fetch_webhook', now }
end
gate_take(gate, now, args.token)
return lease('batch', '', ids)
