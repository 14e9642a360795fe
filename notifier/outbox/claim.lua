-- May a request go now, and which notifications ride in it? Leased to the worker that asks.
-- KEYS: 1-5 the outbox (outbox.lua), 6-10 the gate (gate.lua), 11 troubles, 12 run, 13 workers, 14 fleet,
--       15 first_seen (fleet.lua), 16 undeliverable, 17 pinged
-- ARGV: 1 (JSON): id ('' for a wake-up), wake_up (its token, ''), token (of the batch or of the next wake-up),
--         worker, worker_prefix (heartbeats), lease, witness (microseconds), notification_prefix, channel_prefix,
--         embeds_max, characters_max, note_characters, bytes_max, collected_max, capacity, life (seconds),
--         expire, late, mention_quiet (microseconds), quiet (args of quiet.lua; null),
--         alert_type, version (the highest that this worker reads), leave (microseconds that what is newer is left to
--         others), unanswered (tokens of this caller's claims of which it has nothing under way), gate (limits;
--         webhook_id '' if none is configured), partition (its number), others (ids of webhooks that the caller may
--         use in place of this one), counters (names of counters.lua), held_back (microseconds for which this caller's
--         machine makes no request, 0), held_back_by, fleet (names as in fleet.lua; undeliverable: microseconds that an
--         alert waits for a worker that can deliver it; has_fallback: the caller has another webhook for what nobody
--         can deliver)
-- Returns one of
--   not_found                       this id was never admitted
--   completed                       this notification has its record
--   empty                           nothing waits
--   throttled, wait, reason, arm    arm: microseconds until the wake-up that the caller has to send, or -1
--   elsewhere, partition            this notification is in that partition: claim there
--   gone                            this webhook is quarantined: claim with one of the others
--   shown_by, webhook_id            only that other one can edit what comes next: claim with it
--   fetch_webhook, now              ask Discord for this webhook's channel, then claim again
--   forgotten, ids                  Redis has dropped their hashes: call forget.lua for them, then claim again
--   batch | abandoned | blocked, now, reason, guild, left_behind (how many of a later version were seen, and stay),
--                                   forum (1: the channel takes only posts with a name),
--                                   pinged (JSON: the types whose mentions pinged lately),
--                                   then for each notification: id, message, attempts, admitted_at,
--                                   unknown (reason: it may have been posted; or ''),
--                                   waited (JSON: microseconds by reason), not_before (0), version,
--                                   progress (JSON; ''), incident (JSON; ''), overlay (JSON; ''), collected_for (''),
--                                   trace (JSON; '')
local WAITING, DELAYED, IN_FLIGHT, STATE, WAKE_UP = unpack(KEYS, 1, 5)
local TROUBLES, RUN, WORKERS, FLEET, FIRST_SEEN, UNDELIVERABLE, PINGED = unpack(KEYS, 11, 17)
local NEWER_LOOK_AGAIN = SECOND
local args = cjson.decode(ARGV[1])
local gate = gate_of(6, KEYS, args.gate, args.channel_prefix, { prefix = args.worker_prefix, witness = args.witness })
local now = now_us()
local renews = begins_minute(STATE, 'clock_at', now)
local UNLOGGED = { batching = true, fetching_webhook = true, left_to_others = true } -- too short to be logged
local UNCOUNTED = { in_flight = true, postponed = true } -- what is on its way, or not due yet, is not held up
local MAY_GO_NOW = { postponed = true, backing_off = true, newer_version = true } -- what comes meanwhile
local LEFT_AGAIN = SECOND / 10 -- a queue serves its consumers in turn, so the next wake-up reaches another worker
local UNDELIVERABLE_AGAIN = 2 * SECOND -- a worker that can deliver may have started

local function notification(id)
  return args.notification_prefix .. id
end

local function throttled(wait, reason)
  -- while all that is here is postponed, the outbox waits for nothing
  if not UNLOGGED[reason] then log_wait(STATE, now, reason == 'postponed' and '' or reason, args.life) end
  if not (UNLOGGED[reason] or UNCOUNTED[reason]) then
    count_up(args.counters, now, { ['deferred|' .. args.alert_type .. '|' .. reason] = 1 })
  end
  local expiry = expiry_wait(STATE, now) or 0
  local look = expiry > 0 and math.min(wait, expiry) or wait
  if MAY_GO_NOW[reason] then redis.call('HDEL', STATE, 'look_at') else note_look(STATE, now, look) end
  return { 'throttled', wait, reason, arm(WAKE_UP, now, look, args.token) }
end

-- Those of a set whose text is gone although nobody has ended them. They stay where they are until that is stored.
local forgotten = {}

local left_behind = 0

-- Whether it is still to be sent. One that a late commit has ended leaves the set.
local function is_waiting(id, set)
  if redis.call('HEXISTS', notification(id), 'message') == 1 then return true end
  if redis.call('HEXISTS', notification(id), 'finished_at') == 1 then
    redis.call('ZREM', set, id)
  elseif not forgotten[id] then
    forgotten[id] = true
    table.insert(forgotten, id)
  end
  return false
end

local function answer_forgotten()
  if #forgotten > 0 then return { 'forgotten', unpack(forgotten) } end
end

local function requeue(id, set)
  if not is_waiting(id, set) then return end
  local place = place_of(notification(id), id, WAITING, IN_FLIGHT)
  redis.call('ZREM', set, id)
  redis.call('ZADD', WAITING, place, id)
end

-- The first ids of a set, without those that no longer wait.
local function waiting_in(set, last)
  local ids = {}
  for _, id in ipairs(redis.call('ZRANGE', set, 0, last)) do
    if is_waiting(id, set) then table.insert(ids, id) end
  end
  return ids
end

-- Lease one notification: its place, its event, and its part of the answer.
local function lease_one(kind, reason, id, claimed, answer)
  local key = notification(id)
  local message, attempts, admitted_at, unknown, spooled, not_before, version, progress, incident, overlay,
    collected_for, trace = unpack(redis.call('HMGET', key, 'message', 'attempts', 'admitted_at', 'unknown', 'spooled',
      'not_before', 'version', 'progress', 'incident', 'overlay', 'collected_for', 'trace'))
  admitted_at = tonumber(admitted_at) or now
  local due_at = math.max(admitted_at, tonumber(not_before or 0))
  local here_since = math.max(due_at, admitted_at + (spooled or 0))
  redis.call('ZADD', IN_FLIGHT, place_of(key, id, WAITING, IN_FLIGHT), id)
  redis.call('ZREM', WAITING, id)
  redis.call('ZREM', DELAYED, id)
  if kind == 'batch' then
    redis.call('HDEL', key, 'left_at') -- somebody can read it
  else
    add_event(key, claim_event(claimed, key, kind, reason))
  end
  local waited = waits_since(claimed.log, now, here_since)
  if here_since > due_at then waited.broker_unavailable = here_since - due_at end
  local known, doubt = '', nil
  if incident then known, doubt = claim_incident(incident, id, args.channel_prefix, now) end
  local told = next(waited) and cjson.encode(waited) or '{}'
  local item = { id, message, attempts or 0, admitted_at, unknown or doubt or '', told, not_before or 0, version or 1,
    progress or '', known, overlay or '', collected_for or '', trace or '' }
  for _, value in ipairs(item) do table.insert(answer, value) end
end

local function lease(kind, reason, ids)
  if #forgotten > 0 then return answer_forgotten() end
  local answer = { kind, now, reason, redis.call('HGET', gate.state, 'guild') or '', left_behind,
    redis.call('HGET', gate.state, 'forum') or '', pinged_lately(PINGED, now, args.mention_quiet) }
  local known = { at = now, others = #ids - 1, log = wait_log(STATE) }
  for _, id in ipairs(ids) do lease_one(kind, reason, id, known, answer) end
  log_wait(STATE, now, 'in_flight', args.life)
  local claimed = kind == 'batch' and string.format('%s %.0f %d', args.token, now, #ids - 1) or ''
  redis.call('HSET', STATE, 'batch', args.token, 'lease_until', now + args.lease, 'worker', args.worker, 'claimed',
    claimed, 'look_at', '')
  redis.call('HDEL', STATE, 'missed_at')
  redis.call('HSET', RUN, 'claimed', 1)
  redis.call('EXPIRE', RUN, args.life)
  for key = 1, 4 do redis.call('EXPIRE', KEYS[key], args.life) end
  return answer
end

local function forget_own_wake_up()
  if args.wake_up == '' then return end
  local under_way = string.match(redis.call('GET', WAKE_UP) or '', '(.*) (.*)')
  if under_way == args.wake_up then redis.call('DEL', WAKE_UP) end
end

-- Whether others wait for this very task: no other was sent for them.
local function is_relied_on()
  return (tonumber(redis.call('HGET', STATE, 'look_at') or '') or math.huge) <= now and redis.call('ZCARD', WAITING) > 0
end

local function answer_for_own_id()
  if args.id == '' then return end
  local key = notification(args.id)
  local finished_at, hastens, partition = unpack(redis.call('HMGET', key, 'finished_at', 'hastens', 'partition'))
  if (tonumber(partition) or 0) ~= args.partition then return { 'elsewhere', tonumber(partition) or 0 } end
  if finished_at then return not (hastens or is_relied_on()) and { 'completed' } or nil end
  if redis.call('HEXISTS', key, 'message') == 0 then return { 'not_found' } end
  for _, set in ipairs({ WAITING, DELAYED, IN_FLIGHT }) do
    if redis.call('ZSCORE', set, args.id) then return end
  end
  if redis.call('HEXISTS', key, 'rerouted') == 1 then return end -- it is in another outbox
  redis.call('ZADD', WAITING, place_of(key, args.id, WAITING, IN_FLIGHT), args.id) -- the set that it was in is gone
end

-- Those of the batch under way; no commit will tell that they were claimed.
local function leased()
  local ids, claimed = waiting_in(IN_FLIGHT, -1), batch_claimed(STATE)
  for _, id in ipairs(ids) do note_claim(claimed, notification(id)) end
  return ids
end

-- A batch that was leased to this caller in an answer that was lost: no request was made. And a Get Webhook request
-- that was not made either, or has ended although Redis does not know that: else all wait for it to its lease's end.
local function take_back_unanswered()
  local batch = redis.call('HGET', STATE, 'batch')
  for _, token in ipairs(args.unanswered) do
    if token == batch then
      for _, id in ipairs(leased()) do requeue(id, IN_FLIGHT) end
      end_lease(STATE)
      gate_give_back(gate, now, token)
    end
    gate_give_back_fetch(gate, now, token)
  end
end

-- One request of an outbox at a time: the channel shows the alerts in order, and a slow webhook holds one thread.
local function wait_for_batch_under_way()
  if redis.call('HEXISTS', STATE, 'batch') == 0 then
    if redis.call('ZCARD', IN_FLIGHT) == 0 then return end
    -- the lease is gone, and with it who has these: they may be posted right now
    redis.call('HSET', STATE, 'batch', args.token, 'lease_until', now + args.lease)
  end
  local left, alive = lease_wait(STATE, now, args.worker_prefix, args.witness)
  if alive and left > 0 then return { 'throttled', left, 'in_flight', -1 } end -- its commit sends the wake-up
  if left > 0 then return throttled(left, 'in_flight') end
  gate_give_back(gate, now, redis.call('HGET', STATE, 'batch'))
  local ids = leased()
  if #ids > 0 then return lease('abandoned', '', ids) end
  end_lease(STATE)
end

-- What is too old becomes a dead letter, whether or not the gate is open.
local function take_expired(first)
  local expired = expired_of({ first, waiting_in(DELAYED, args.embeds_max - 1) }, STATE, args, now, function()
    return { waiting_in(WAITING, -1), waiting_in(DELAYED, -1) }
  end)
  if #expired > 0 then return lease('blocked', 'expired', expired) end
end

-- The first that this worker can read. What nobody who can has come for is a dead letter in the end.
local function leave_what_is_newer(first)
  local readable, overdue
  readable, overdue, left_behind = readable_of(first, WAITING, TROUBLES, args, now)
  if #overdue > 0 then return readable, lease('blocked', 'newer_version', overdue) end
  if #readable == 0 and left_behind > 0 then return readable, throttled(NEWER_LOOK_AGAIN, 'newer_version') end
  return readable
end

local function nothing_is_due()
  local wait = due_in(WAITING, DELAYED, now)
  if not wait then return { 'empty' } end
  for _, id in ipairs(waiting_in(DELAYED, args.embeds_max - 1)) do
    local not_before = redis.call('HGET', notification(id), 'not_before')
    if tonumber(not_before or 0) <= now then return throttled(wait, 'backing_off') end
  end
  return throttled(wait, 'postponed')
end

-- Nobody can deliver what waits here: it waits for somebody who can, and then becomes a dead letter, or goes to the
-- fallback.
local function hold_back(first, reason)
  if args.fleet.has_fallback or args.fleet.undeliverable == 0 then return lease('blocked', reason, first) end
  local since = undeliverable_since(UNDELIVERABLE, TROUBLES, args.alert_type, reason, now)
  local over, wait = {}, UNDELIVERABLE_AGAIN
  for _, id in ipairs(first) do
    local left = undeliverable_left(notification(id), since, args.fleet.undeliverable, now)
    if left <= 0 then table.insert(over, id) else wait = math.min(wait, left) end
  end
  if #over > 0 then return lease('blocked', reason, over) end
  return throttled(wait, reason)
end

local function pass_the_gate(first, ids, full)
  local another = #args.others > 0 and #ids == 1 and shown_by(notification(ids[1]), args.others)
  if another then return { 'shown_by', another } end
  local own = { webhook = args.gate.webhook_id, fingerprint = args.gate.fingerprint }
  local standing, unusable = fleet_standing(FLEET, FIRST_SEEN, args.fleet, own, now)
  if standing == 'nobody' and unusable == 'webhook_quarantined' and #args.others > 0 then return { 'gone' } end
  if standing == 'nobody' then return hold_back(first, unusable) end
  forget_undeliverable(UNDELIVERABLE, TROUBLES, args.alert_type)
  if standing == 'leaves' then return throttled(LEFT_AGAIN, 'left_to_others') end
  local answer, detail, reason = gate_check(gate, now)
  if answer == 'wait' then return throttled(detail, reason) end
  -- another machine may make it, so the wake-up is due soon
  if args.held_back > 0 then return throttled(math.min(args.held_back, SOON), args.held_back_by) end
  -- the task of the first of a burst comes while the others are raised; one alone waits for none
  local began = args.id ~= '' and #ids > 1 and redis.call('HGET', notification(ids[1]), 'admitted_at')
  local joining = batching_wait(STATE, now, full, began or nil)
  if joining > 0 then return throttled(joining, 'batching') end
  if answer == 'fetch_webhook' then
    gate_take_fetch(gate, now, args.token, args.worker)
    return { 'fetch_webhook', now }
  end
  gate_take(gate, now, args.token, args.worker)
  return lease('batch', '', ids)
end

local function claim()
  forget_own_wake_up()
  follow_clock(KEYS, args.notification_prefix, args.worker_prefix, now, args.lease, args.life)
  local answer = answer_for_own_id()
  if answer then return answer end
  redis.expect_none({ PINGED, UNDELIVERABLE, unpack(gate_exceptions(gate)) }, { DELAYED, IN_FLIGHT, gate.in_flight })
  redis.read_whole({ gate.in_flight, args.gate.read_in_flight })
  local reconciling = reconciling_wait(RUN, now, args.witness)
  if reconciling > 0 then return throttled(reconciling, 'reconciling') end
  note_what_may_be_posted(KEYS, RUN, WORKERS, args.notification_prefix, args.lease, now)
  take_back_unanswered()
  answer = wait_for_batch_under_way()
  if answer then return answer end
  if has_groups(STATE) and outbox_size(WAITING, DELAYED, IN_FLIGHT) >= args.capacity then
    end_groups(STATE, DELAYED, args.notification_prefix, now)
  end
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', DELAYED, '-inf', now)) do requeue(id, DELAYED) end
  redis.call('EXPIRE', WAITING, args.life)
  if args.quiet ~= cjson.null then hold(WAITING, DELAYED, args.quiet, args, now) end
  local first = waiting_in(WAITING, args.embeds_max - 1)
  answer = take_expired(first) or answer_forgotten()
  if answer then return answer end
  first, answer = leave_what_is_newer(first)
  if answer then return answer end
  if #first == 0 then return nothing_is_due() end
  local group = group_of(WAITING, DELAYED, first[1], args)
  if group then return pass_the_gate(group, group, true) end
  return pass_the_gate(first, front(first, args, now))
end

return redis.written(claim(), renews)
