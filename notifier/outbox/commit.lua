-- The outcome of a batch: what is final, what goes again, what the gate has learned; and the next wake-up.
-- KEYS: 1-5 the outbox (outbox.lua), 6-10 the gate (gate.lua), 11 history, 12 dead letters, 13 unrecorded, 14 sequence,
--       15 watch, 16-18 of the fallback: waiting, delayed, in_flight (where there is none: this outbox')
-- ARGV: 1 (JSON): token (of the batch), wake_up (token for the next wake-up), notification_prefix, channel_prefix,
--         gate (limits), report (gate_report's, or null: no request was made), retry_wait (microseconds),
--         history_life, dead_letter_life (seconds), dead_letters_max,
--         history_prefix, dead_letters_prefix, fallback (alert type), fallback_capacity,
--         dispositions: [{id, type, next: 'final' | 'exhausted' | 'reroute' | 'retry' | 'again', attempts, alone, status, dead,
--                     reason, detail, fallback_batch_key}]
--       2… the record (JSON) of each disposition, '' where it cannot be final
-- Returns now, arm (as in outbox.lua; -1: nothing to send), then the ids that became final by this call.
-- 'reroute' moves it to the fallback's outbox, once that has room.
-- 'exhausted' (all attempts are used up) is final only for one that failed alone while Discord took others.
-- A disposition that is final counts even when the lease was lost meanwhile: the answer is known. Others then do not.
local args = cjson.decode(ARGV[1])
local gate = gate_of(6, KEYS, args.gate, args.channel_prefix)
local now = now_us()
local holds_lease = redis.call('HGET', KEYS[4], 'batch') == args.token
local answer = { now, -1 }

local function finish(id, disposition, record)
  local key = args.notification_prefix .. id
  for set = 1, 3 do redis.call('ZREM', KEYS[set], id) end
  redis.call('HSET', key, 'record', record, 'finished_at', now, 'status', disposition.status, 'attempts', disposition.attempts)
  redis.call('HDEL', key, 'message')
  redis.call('EXPIRE', key, disposition.dead and args.dead_letter_life or args.history_life)
  local history, dead_letters = args.history_prefix .. disposition.type, args.dead_letters_prefix .. disposition.type
  redis.call('ZADD', history, now, id)
  redis.call('EXPIRE', history, args.history_life)
  redis.call('ZADD', KEYS[13], now, id)
  if disposition.dead then
    redis.call('ZADD', dead_letters, now, id)
    redis.call('EXPIRE', dead_letters, args.dead_letter_life)
    tell(KEYS[15], 'dead_letters', disposition.type, disposition.reason)
    local dropped = redis.call('ZRANGE', dead_letters, 0, -args.dead_letters_max - 1)
    for _, oldest in ipairs(dropped) do
      redis.call('ZREM', dead_letters, oldest)
      redis.call('EXPIRE', args.notification_prefix .. oldest, args.history_life)
    end
    if #dropped > 0 then tell(KEYS[15], 'dead_letters_dropped', disposition.type, '', #dropped) end
  end
  table.insert(answer, id)
end

local function go_again(id, disposition)
  local key = args.notification_prefix .. id
  redis.call('ZREM', KEYS[3], id)
  redis.call('HSET', key, 'attempts', disposition.attempts, 'seen_at', now)
  if disposition.status == 'unknown' then redis.call('HSET', key, 'unknown', disposition.reason) end
  if disposition.isolate then redis.call('HSET', key, 'share', '') end
  if disposition.action == 'retry_later' then
    redis.call('ZADD', KEYS[2], now + args.retry_wait, id)
  else
    redis.call('ZADD', KEYS[1], redis.call('HGET', key, 'sequence'), id)
  end
end

-- An outage kills no alert: while the webhook has answered nothing but failures since this one's first attempt, it waits
-- for the breaker's probes, behind those that have not been tried as often. In company, each answers for itself first.
local function exhausted(disposition)
  if args.report ~= cjson.null and gate_failing(gate, disposition.attempts) then
    disposition.action = 'retry_later'
    redis.call('HSET', args.notification_prefix .. disposition.id, 'sequence', redis.call('INCR', KEYS[14]))
  elseif #args.dispositions > 1 then
    disposition.action, disposition.isolate = 'requeue', true
  elseif holds_lease then
    disposition.action = 'complete'
  end
end

local function reroute(disposition)
  local key = args.notification_prefix .. disposition.id
  local held = redis.call('ZCARD', KEYS[16]) + redis.call('ZCARD', KEYS[17]) + redis.call('ZCARD', KEYS[18])
  if held >= args.fallback_capacity then
    disposition.action = 'retry_later'
  else
    redis.call('ZREM', KEYS[3], disposition.id)
    redis.call('ZADD', KEYS[16], redis.call('HGET', key, 'sequence'), disposition.id)
    redis.call('EXPIRE', KEYS[16], args.life)
    redis.call('HSET', key, 'share', disposition.fallback_batch_key, 'rerouted', 1, 'attempts', disposition.attempts, 'seen_at', now)
  end
end

for position, disposition in ipairs(args.dispositions) do
  local exists, record = unpack(redis.call('HMGET', args.notification_prefix .. disposition.id, 'sequence', 'record'))
  if exists and not record then
    if disposition.action == 'attempts_exhausted' then exhausted(disposition) end
    if disposition.action == 'failover' and holds_lease then reroute(disposition) end
    local counts = disposition.action == 'complete' or holds_lease
    if counts then
      trail(args.notification_prefix .. disposition.id, { at = now, step = disposition.action, reason = disposition.reason,
        detail = disposition.detail, to = disposition.action == 'failover' and args.fallback or nil, status = disposition.status, wait = disposition.action == 'retry_later' and args.retry_wait or nil })
    end
    if disposition.action == 'complete' then
      finish(disposition.id, disposition, ARGV[position + 1])
    elseif counts and disposition.action ~= 'failover' then
      go_again(disposition.id, disposition)
    end
  end
end
redis.call('ZREMRANGEBYSCORE', KEYS[11], '-inf', now - args.history_life * SECOND)
redis.call('ZREMRANGEBYSCORE', KEYS[12], '-inf', now - args.dead_letter_life * SECOND)
redis.call('EXPIRE', KEYS[13], args.history_life)

if holds_lease then
  redis.call('HDEL', KEYS[4], 'batch', 'lease_until', 'worker', 'missed_at')
  redis.call('HSET', KEYS[4], 'settled_at', now)
  hold(now, '', args.life)
end
for key = 1, 4 do redis.call('EXPIRE', KEYS[key], args.life) end
if holds_lease and args.report ~= cjson.null then -- a commit that is repeated has told the gate before
  for _, news in ipairs(gate_report(gate, now, args.token, args.report)) do
    tell(KEYS[15], news, news == 'edge_banned' and '' or gate.args.webhook_id)
  end
end

local wait = due_in(now)
if wait then
  if wait == 0 and args.gate.webhook_id ~= '' then
    local state, detail, reason = gate_check(gate, now)
    if state == 'wait' then
      wait = detail
      hold(now, reason, args.life)
    end
    wait = math.max(wait, batching_wait(now, redis.call('ZCARD', KEYS[1]) >= args.embeds_max))
  end
  answer[2] = arm(now, wait, args.wake_up)
end
return answer
