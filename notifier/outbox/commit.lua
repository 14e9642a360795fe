-- Apply what a batch came to: a record for what is final, a place for what goes again; what the gate has learned; the
-- next wake-up. A commit that is repeated changes nothing more.
-- KEYS: 1-5 the outbox (outbox.lua), 6-10 the gate (gate.lua), 11 sequence, 12 troubles,
--       13-15 of the fallback: waiting, delayed, in_flight (if there is none: this outbox'), 16 callbacks,
--       17 pinged, 18 memory
-- ARGV: 1 (JSON): token (of the batch), wake_up (token for the next wake-up), notification_prefix, result_prefix,
--         history_prefix, dead_letters_prefix, channel_prefix, worker_prefix (heartbeats), witness (microseconds),
--         gate (limits), report (gate_report's, or null: no request was made), retry_attempts,
--         retry_wait (microseconds), life (of the outbox), history_life, dead_letter_life (seconds), dead_letters_max,
--         embeds_max, fallback (alert type), fallback_capacity, counters (names of counters.lua),
--         counted (of the request: how often by field),
--         version (the highest that this worker reads),
--         pinged (types whose mentions have pinged in this request), posted (the channel of its message; '': none),
--         stamp (stands in records for the time), callbacks_lease (microseconds that the caller has to call them),
--         dispositions: [{id, type, action: 'complete' | 'attempts_exhausted' | 'failover' | 'retry_later' | 'requeue'
--                         | 'leave' (it is unreadable) | 'continue',
--                         attempts, isolate, status, dead, reason, detail, fallback_batch_key, admitted_at,
--                         due_at (of one that was postponed: after that), unreadable, maybe_posted (in the record),
--                         record (JSON, if it is dead), cut (that has not all of its texts),
--                         progress (JSON, if it continues or moves),
--                         shown (fields of incident.lua; null: nothing is known of its incident's message),
--                         forum (null; or whether its channel is one, as learned),
--                         retry_result (JSON, if it may go again after a failure)}]
--       2… the result (JSON) of each disposition, '' if it cannot be final
-- Returns now, arm (as in outbox.lua; -1: nothing to send), the ids of which no worker has told so far that they were
-- received, then of each that became final by this call its id, 'too_late' if it was to be withdrawn ('' if not), its
-- callbacks (JSON; ''), and 1 if it may be posted once more (0 if not).
local WAITING, DELAYED, IN_FLIGHT, STATE, WAKE_UP = unpack(KEYS, 1, 5)
local SEQUENCE, TROUBLES = KEYS[11], KEYS[12]
local FALLBACK_WAITING, CALLBACKS = KEYS[13], KEYS[16]
local args = cjson.decode(ARGV[1])
local gate = gate_of(6, KEYS, args.gate, args.channel_prefix, { prefix = args.worker_prefix, witness = args.witness })
local now = now_us()
redis.expect_none({ KEYS[17], unpack(gate_exceptions(gate)) }, { DELAYED })
redis.read_whole({ gate.in_flight, args.gate.read_in_flight })
local renews = begins_minute(STATE, 'settled_at', now)
local requested = args.report ~= cjson.null
local batch, claimed = redis.call('HGET', STATE, 'batch'), batch_claimed(STATE)
local is_another = requested and claimed and claimed.at ~= args.report.claimed_at -- that claim came once more, late
local holds_lease = batch == args.token and not is_another
claimed = holds_lease and claimed
local completed, untold, results = {}, {}, {}
local counts = holds_lease and requested and args.counted or {}
if holds_lease then end_lease(STATE) end
local new_place = posted_in(args.channel_prefix, args.posted, holds_lease and requested, args.life, renews)

-- Whether it is this caller's: by the lease or, if that is gone, because nobody else can have it.
local function is_ours(item)
  if holds_lease or batch then return holds_lease end
  for _, set in ipairs({ WAITING, DELAYED, KEYS[13], KEYS[14], KEYS[15] }) do
    if set ~= IN_FLIGHT and redis.call('ZSCORE', set, item.id) then return false end
  end
  return true
end

-- What is to be done with one notification, now that the lease and the gate are known. Nil: nothing.
local function decide(item, key, has_message)
  if item.action == 'complete' then -- the answer is known, even if the lease is lost
    return not holds_lease and is_joined(key, item) and 'edit' or 'complete'
  end
  if not is_ours(item) then return end
  if not has_message then return 'leave_to_claim' end
  if item.action == 'failover' and outbox_size(KEYS[13], KEYS[14], KEYS[15]) >= args.fallback_capacity then
    return 'retry_later'
  end
  if item.action ~= 'attempts_exhausted' then return item.isolate and 'isolate' or item.action end
  -- An outage makes no dead letters: one waits for the breaker's probes, behind those that were not tried as often.
  -- If workers were lost with it, each of its batch goes alone: one of them may be what ends them.
  if is_in_outage(key, gate, requested, args.retry_attempts, now) then
    return requested and 'retry_behind_others' or 'isolate_behind_others'
  end
  if #args.dispositions > 1 then return 'isolate' end -- one of them may be at fault: each is tried alone
  return 'complete'
end

-- What is known only here: whether a revoke came too late, what is to stand behind that, and the time.
local function filled(text, revoke, behind)
  text = filled_in(text, '"revoke-' .. args.stamp .. '"', (revoke == '' and 'null' or '"' .. revoke .. '"') .. behind)
  return dated(text, args.stamp, now)
end

-- As `notifier explain` shows them.
local EVENT = { edit = 'requeue', isolate = 'requeue', leave = 'requeue', retry_behind_others = 'retry_later',
  isolate_behind_others = 'retry_later' }

local function event(item, action)
  local step = EVENT[action] or action
  return { at = now, step = step, reason = item.reason, detail = item.detail, status = item.status,
    to = step == 'failover' and args.fallback or nil, wait = step == 'retry_later' and args.retry_wait or nil }
end

local function keep_result(key, text, life)
  redis.call('SET', key, text, 'EX', life)
  table.insert(results, key)
  table.insert(results, text)
end

local function complete(key, item, result)
  local revoke = redis.call('HGET', key, 'revoke') or ''
  local doubtful = not holds_lease and is_sent_again(key, item, STATE, IN_FLIGHT, KEYS[15])
  local behind = doubtful and not item.maybe_posted and ', "maybe_posted": true' or ''
  local life = item.dead and args.dead_letter_life or args.history_life
  redis.call('ZREM', IN_FLIGHT, item.id)
  for _, set in ipairs(holds_lease and {} or { WAITING, DELAYED, unpack(KEYS, 13, 15) }) do -- it may have moved
    redis.call('ZREM', set, item.id)
  end
  local kept_as = item.unreadable and 'original' or item.dead and item.cut and 'whole'
  local whole = kept_as and redis.call('HGET', key, 'message')
  if whole then redis.call('HSET', key, kept_as, whole) end
  note_shown(key, item, new_place, args.life)
  if item.dead then
    note_claim(claimed, key)
    add_event(key, event(item, 'complete'))
    redis.call('HSET', key, 'finished_at', now, 'status', item.status, 'attempts', item.attempts)
    redis.call('HDEL', key, 'message')
  else
    shorten_ended(key, claimed and claim_event(claimed, key, 'batch', ''), event(item, 'complete'), now)
  end
  redis.call('EXPIRE', key, life)
  keep_result(args.result_prefix .. item.id, filled(result, revoke, behind), life)
  index_record(args.history_prefix .. item.type, item.status, item.id, now, args.history_life)
  if item.dead then
    item.record = filled(item.record, revoke, behind)
    keep_dead_letter(args, TROUBLES, item, now)
  end
  count_end(counts, item.type, item.status, item.reason)
  if item.status == 'delivered' then count_latency(counts, args.counters, item.type, now - item.due_at) end
  local callbacks = await_callbacks(CALLBACKS, key, item.id, now, args.callbacks_lease, args.life)
  for _, value in ipairs({ item.id, revoke, callbacks, doubtful and 1 or 0 }) do table.insert(completed, value) end
end

-- Its hash is gone, so there is nothing to send: claim.lua finds that out.
local function leave_to_claim(_, item)
  redis.call('ZADD', WAITING, redis.call('ZSCORE', IN_FLIGHT, item.id) or 0, item.id)
  redis.call('ZREM', IN_FLIGHT, item.id)
end

-- Returns the place that it had.
local function leave_batch(key, item)
  local place = place_of(key, item.id, WAITING, IN_FLIGHT)
  redis.call('ZREM', IN_FLIGHT, item.id)
  redis.call('HSET', key, 'attempts', item.attempts, 'seen_at', now)
  local incident = redis.call('HGET', key, 'incident')
  if incident then wait_again(incident, item.id, redis.call('HGET', key, 'progress')) end
  if item.status == 'unknown' then
    redis.call('HSET', key, 'unknown', item.reason)
    if incident then doubt_message(incident, item.reason) end -- another alert may show it before this one
  end
  return place
end

local function requeue(key, item)
  redis.call('ZADD', WAITING, leave_batch(key, item), item.id)
end

-- What this worker has failed to read counts as newer than it.
local function leave(key, item)
  local version = tonumber(redis.call('HGET', key, 'version') or 1)
  redis.call('HSET', key, 'version', math.max(version, args.version + 1))
  requeue(key, item)
  leave_to_newer(TROUBLES, key, item.type, now)
end

-- A part of it is posted, or something is left out: nothing fails from here on that failed before.
local function continue(key, item)
  requeue(key, item)
  note_shown(key, item, new_place, args.life)
  if item.forum ~= cjson.null then redis.call('HSET', gate.state, 'forum', item.forum and 1 or 0) end
  redis.call('HDEL', key, 'failing_since', 'lost_alone')
  redis.call('HSET', key, 'attempts', 0)
end

-- One of a group first goes as any other; what goes as any other goes alone.
local function set_apart(key)
  if redis.call('HDEL', key, 'collected_for') == 0 then redis.call('HSET', key, 'share', '') end
end

local function isolate(key, item)
  set_apart(key)
  requeue(key, item)
end

local function retry_later(key, item)
  leave_batch(key, item)
  redis.call('HSETNX', key, 'failing_since', now)
  redis.call('ZADD', DELAYED, now + args.retry_wait, item.id)
  count_one(counts, 'retried|' .. item.type .. '|' .. item.reason)
  if item.retry_result ~= cjson.null then
    redis.call('SET', args.result_prefix .. item.id, item.retry_result, 'EX', args.life)
  end
end

local function retry_behind_others(key, item)
  redis.call('HSET', key, 'sequence', next_sequence(SEQUENCE, now))
  retry_later(key, item)
end

local function isolate_behind_others(key, item)
  set_apart(key)
  retry_behind_others(key, item)
end

local function failover(key, item)
  local sequence = leave_batch(key, item)
  redis.call('HDEL', key, 'failing_since', 'lost_alone', 'partition') -- that was another webhook
  redis.call('ZADD', FALLBACK_WAITING, sequence, item.id)
  redis.call('HDEL', KEYS[18], 'size:' .. args.fallback) -- admit.lua has not counted it there
  redis.call('HSET', key, 'share', item.fallback_batch_key, 'rerouted', 1)
  if item.progress == '' then
    redis.call('HDEL', key, 'progress')
  else
    redis.call('HSET', key, 'progress', item.progress)
  end
  redis.call('EXPIRE', FALLBACK_WAITING, args.life)
end

local apply = { complete = complete, requeue = requeue, continue = continue, leave = leave, isolate = isolate,
  retry_later = retry_later, retry_behind_others = retry_behind_others, leave_to_claim = leave_to_claim,
  isolate_behind_others = isolate_behind_others, failover = failover, edit = function(key, item)
    note_shown(key, item, new_place, args.life) -- it stays where it waits, to show what joined it meanwhile
    redis.call('HDEL', key, 'unknown')
  end }
-- The admission is forgotten, and the alert was sent: it is known from now on, so that nobody sends it again.
local function remember(key, item)
  redis.call('HSET', key, 'sequence', 0, 'admitted_at', item.admitted_at)
end

-- Whether there is anything to be done with it: it is still to be sent, or nothing is known of it any more.
local function is_open(key, item, has_message)
  if has_message then return true end
  if redis.call('HEXISTS', key, 'finished_at') == 1 then return false end
  if item.action == 'complete' and redis.call('EXISTS', key) == 0 then
    remember(key, item)
    return true
  end
  return redis.call('ZSCORE', IN_FLIGHT, item.id)
end

for position, item in ipairs(args.dispositions) do
  local key = args.notification_prefix .. item.id
  local has_message = redis.call('HEXISTS', key, 'message') == 1
  if has_message and holds_lease and not requested and #args.dispositions == 1 then
    redis.call('HINCRBY', key, 'lost_alone', 1)
  end
  if has_message and item.action == 'continue' and item.progress ~= '' then
    note_progress(key, item.progress) -- it is known, whoever holds the lease
  end
  local action = is_open(key, item, has_message) and decide(item, key, has_message)
  if action then
    if action ~= 'leave_to_claim' then
      if action ~= 'complete' then
        note_claim(claimed, key)
        add_event(key, event(item, action))
      end
      if redis.call('HSETNX', key, 'received', 1) == 1 then table.insert(untold, item.id) end
    end
    apply[action](key, item, ARGV[position + 1])
  elseif holds_lease then
    redis.call('ZREM', IN_FLIGHT, item.id) -- it has ended elsewhere
  elseif has_message and item.status == 'unknown' then
    redis.call('HSET', key, 'unknown', item.reason) -- its claim is forgotten; it may be posted all the same
  end
end

if holds_lease then
  redis.call('HSET', STATE, 'settled_at', now, 'settled', args.token)
  log_wait(STATE, now, '', args.life)
end
for _, alert_type in ipairs(args.pinged) do -- it is known, whoever holds the lease
  redis.call('HSET', KEYS[17], alert_type, now)
  redis.call('EXPIRE', KEYS[17], args.life)
end
count_up(args.counters, now, counts)
for key = 1, 4 do redis.call('EXPIRE', KEYS[key], args.life) end
if requested and not holds_lease then -- it is a repeated commit: the gate has the report
  gate_remember(gate, now, args.token, args.report)
elseif requested then
  for _, cause in ipairs(gate_report(gate, now, args.token, args.report)) do
    report_trouble(TROUBLES, cause, cause == 'edge_banned' and '' or gate.args.webhook_id)
  end
  gate_note_post(gate, now, args.report.health)
end

local function next_wake_up()
  local wait, waiting = due_in(WAITING, DELAYED, now)
  if not wait then return -1 end
  if wait == 0 and args.gate.webhook_id ~= '' then
    local answer, detail, reason = gate_check(gate, now)
    if answer == 'wait' then
      wait = detail
      log_wait(STATE, now, reason, args.life)
    end
    wait = math.max(wait, batching_wait(STATE, now, waiting >= args.embeds_max))
  end
  if waiting > 0 then note_look(STATE, now, wait) end
  return arm(WAKE_UP, now, math.min(wait, expiry_wait(STATE, now) or wait), args.wake_up)
end

publish_records(results)
return redis.written({ now, next_wake_up(), untold, unpack(completed) }, renews)
