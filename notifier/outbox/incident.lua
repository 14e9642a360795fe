-- An incident: the alerts of one type that have the same key, and the one message that shows them. Of those that come
-- while one waits to be shown, none waits too: they are counted, and the one that waits shows them all.
-- incident (hash), times in microseconds:
--   key, type, title (of the alert that opened it, its id is opened_by), opened_at
--   state      open or resolved (at resolved_at)
--   acknowledged_at, acknowledged_by, acknowledged_why   who takes care of it: known for as long as it lasts
--   seconds    (microseconds) after seen_at without a repeat or update it is over, without a word
--   count      how often it came (args.count each), last at last_at; an update that opens it is none
--   flaps      how often it came again after it was resolved, at flapping_since for the first time
--   waiting    the id of the alert in the outbox that shows it next; '' while it is shown
--   shown_at   when a request last showed it; of those that came sooner than `spacing` (microseconds) after another
--              one, the time at which each may go
--   message_id, channel_id, webhook_id, thread_id (if it is in one), link   of its message; files: it has some
--   maybe_posted  (reason) the answer to a request that posts it was lost, and no other has posted it since
--   place      how many messages of ours its channel had, with it
--   told       'resolved': that was the last that its thread was told
--   shown_title  of what that shows, or its thread was told last
--   message    (JSON) what that shows; previous  link to the message of the incident before
-- A notification of it has, beside the fields in outbox.lua: incident (that key), overlay (JSON: what updates
-- and a resolution have said since: fields, the last of each wins, each as the text of its JSON).
-- incidents: sorted set, what the keys end with by seen_at
--
-- args: kind ('repeat', 'update', 'resolve' or 'acknowledge'), digest, key, type, title, seconds, reopen,
--   acknowledged (by, why), spacing (microseconds between two requests), life (milliseconds), kept_max, message (JSON),
--   said (fields as in overlay), text ('first': a repeat changes none), if_not_open ('post': so is what resolves
--   nothing), is_heard (its message is posted anew: it keeps its place, and is not left out), after, expires
--   (microseconds from now; nil), version, has_room (for another text), at (microseconds since 1970: when it was
--   raised), is_replay (it was counted before it died); those of reminders.lua
--
-- meet_incident(incident, notification_prefix, args, now)
--   returns what becomes of an alert: 'open' (it is posted), 'edit' (it waits to be shown), 'count' (one that waits
--   shows it), 'not_open' (there is nothing to end), or 'alone' (the same, and it is posted)
-- note_incident(incident, incidents, meeting, id, args, now)      what is known of the incident now
-- edit_due(incident, args, now)                                   microseconds from now at which it may be shown
-- say(notification, said)                                         the one that waits shows these fields too
-- join_waiting(incident, notification, delayed, id, args, now)    the one that waits shows this one too: it has
--   joined_at from then on
-- leave_incident(incident, id, message)                           it is withdrawn, and was not shown
-- claim_incident(incident, id, channel_prefix, now)               returns the incident as JSON, with behind (how many
--   of ours came behind its message in that channel), and why it may be posted although no message is known (nil: it
--   is not); it is shown now
-- shown_by(notification, others)                                  which of these webhooks has posted the message that
--   shows it: that alone can edit it
-- doubt_message(incident, reason)                                 the answer to a request that shows it was lost
-- wait_again(incident, id, progress)                              it is not shown after all, unless its thread knows
-- posted_in(channel_prefix, channel_id, is_new, life, renews)     how many messages of ours a channel has; is_new: one
--   more; renews: its life begins anew. Nil: no channel
-- incident_shown(incident, shown, place, life)                    what its message is by now; place: if it is new
-- note_shown(notification, item, place, life)                     the same, by one of commit.lua's dispositions. One
--   that could not be opened is forgotten: the next alert opens it

local function meet_incident(incident, notification_prefix, args, now)
  local state, seen_at, seconds, waiting, resolved_at, message_id = unpack(redis.call('HMGET', incident, 'state',
    'seen_at', 'seconds', 'waiting', 'resolved_at', 'message_id'))
  local is_open = state == 'open' and now - seen_at < tonumber(seconds)
  local may_reopen = state == 'resolved' and message_id and now - resolved_at < args.reopen
  if not is_open and args.kind == 'acknowledge' then return 'not_open' end
  if not is_open and args.kind == 'resolve' then return args.if_not_open == 'post' and 'alone' or 'not_open' end
  if not is_open and not (may_reopen and args.kind == 'repeat') then return 'open' end
  local waits = waiting and waiting ~= ''
    and redis.call('HEXISTS', notification_prefix .. waiting, 'message') == 1
  return waits and 'count' or 'edit', waiting
end

local function open_incident(incident, id, args)
  local link = redis.call('HGET', incident, 'link')
  redis.call('DEL', incident)
  if link then redis.call('HSET', incident, 'previous', link) end
  redis.call('HSET', incident, 'key', args.key, 'type', args.type, 'title', args.title, 'opened_by', id,
    'opened_at', args.at, 'last_at', args.at, 'count', args.kind == 'repeat' and args.count or 0, 'state', 'open')
end

local function repeat_incident(incident, args)
  if not args.is_replay then redis.call('HINCRBY', incident, 'count', args.count) end -- it was counted at first
  redis.call('HSET', incident, 'last_at', math.max(args.at, tonumber(redis.call('HGET', incident, 'last_at')) or 0))
  if redis.call('HGET', incident, 'state') == 'resolved' then
    redis.call('HSET', incident, 'state', 'open')
    redis.call('HINCRBY', incident, 'flaps', 1)
    redis.call('HSETNX', incident, 'flapping_since', args.at)
  end
end

local function note_incident(incident, incidents, meeting, id, args, now)
  if meeting == 'open' then
    open_incident(incident, id, args)
  elseif args.kind == 'repeat' then
    repeat_incident(incident, args)
  elseif args.kind == 'resolve' then
    redis.call('HSET', incident, 'state', 'resolved', 'resolved_at', args.at)
  elseif args.kind == 'acknowledge' then
    redis.call('HSET', incident, 'acknowledged_at', now, 'acknowledged_by', args.acknowledged.by,
      'acknowledged_why', args.acknowledged.why)
  end
  if meeting ~= 'count' then redis.call('HSET', incident, 'waiting', id) end
  if args.kind == 'acknowledge' or args.kind == 'resolve' then
    end_reminders(args.reminders, incident, args.life, now)
  else
    ask_for_reminders(incident, args, now)
  end
  if args.kind == 'acknowledge' then return end -- it is over when it would be
  redis.call('HSET', incident, 'seen_at', now, 'seconds', args.seconds, 'spacing', args.spacing)
  redis.call('PEXPIRE', incident, args.life)
  add_by_time(incidents, now, args.digest)
  for _, oldest in ipairs(redis.call('ZRANGE', incidents, 0, -args.kept_max - 1)) do
    redis.call('ZREM', incidents, oldest)
    redis.call('DEL', string.sub(incident, 1, -1 - #args.digest) .. oldest)
  end
  redis.call('PEXPIRE', incidents, args.life)
end

local function edit_due(incident, args, now)
  if args.kind == 'resolve' then return 0 end -- it is the last
  local shown_at = tonumber(redis.call('HGET', incident, 'shown_at')) or 0
  return math.min(math.max(0, shown_at + args.spacing - now), 3 * args.spacing)
end

local function say(notification, said)
  local overlay = cjson.decode(redis.call('HGET', notification, 'overlay') or '{}')
  for field, text in pairs(said) do overlay[field] = text end
  redis.call('HSET', notification, 'overlay', cjson.encode(overlay))
end

-- It waits no longer than the newest would, and stays for as long. What backs off does so all the same.
local function wait_for_newest(incident, notification, delayed, id, args, now)
  local not_before, expires_at, version = unpack(redis.call('HMGET', notification, 'not_before', 'expires_at',
    'version'))
  local due_at = now + math.max(args.after or 0, edit_due(incident, args, now))
  if not_before and tonumber(not_before) > due_at and redis.call('ZSCORE', delayed, id) then
    redis.call('ZADD', delayed, due_at, id)
    redis.call('HSET', notification, 'not_before', due_at)
  end
  if not args.expires then
    redis.call('HDEL', notification, 'expires_at')
  elseif expires_at then
    redis.call('HSET', notification, 'expires_at', math.max(tonumber(expires_at), now + args.expires))
  end
  redis.call('HSET', notification, 'joined_at', now, 'version', math.max(tonumber(version) or 1, args.version))
end

-- The message of the one that waits, under its own id: what is counted is the newest, unless its text is not shown.
local function join_waiting(incident, notification, delayed, id, args, now)
  wait_for_newest(incident, notification, delayed, id, args, now)
  if args.kind == 'repeat' then
    local overlay = cjson.decode(redis.call('HGET', notification, 'overlay') or '{}')
    if args.text == 'first' and not overlay.resolved then return end
    local own = '^{"id":"[^"\\]*"'
    if args.has_room and string.find(args.message, own) and not string.find(id, '["\\]') then
      local message = string.gsub(args.message, own, function() return '{"id":"' .. id .. '"' end, 1)
      redis.call('HSET', notification, 'message', message)
      redis.call('HDEL', notification, 'overlay')
    end
    return
  end
  say(notification, args.said)
end

local function posted_key(channel_prefix, channel_id)
  return channel_prefix .. channel_id .. ':posted'
end

-- If the count has begun anew, all that it counts came later.
local function count_behind(channel_prefix, channel_id, place)
  if not (channel_id and place) then return 0 end
  local posted = tonumber(redis.call('GET', posted_key(channel_prefix, channel_id))) or 0
  return posted < tonumber(place) and posted or posted - place
end

local function claim_incident(incident, id, channel_prefix, now)
  if redis.call('EXISTS', incident) == 0 then return '{}', nil end -- it is forgotten
  if redis.call('HGET', incident, 'waiting') == id then redis.call('HSET', incident, 'waiting', '') end
  local found, flat = {}, redis.call('HGETALL', incident)
  for at = 1, #flat, 2 do found[flat[at]] = flat[at + 1] end
  local spacing = tonumber(found.spacing) or 0
  local may_go_at = math.min((tonumber(found.shown_at) or 0) + spacing, now + 2 * spacing)
  redis.call('HSET', incident, 'shown_at', math.max(now, may_go_at))
  found.behind = count_behind(channel_prefix, found.channel_id, found.place)
  return cjson.encode(found), not found.message_id and found.maybe_posted or nil
end

local function shown_by(notification, others)
  local incident = redis.call('HGET', notification, 'incident')
  if not incident then return end
  local webhook, message_id = unpack(redis.call('HMGET', incident, 'webhook_id', 'message_id'))
  for _, other in ipairs(others) do
    if message_id and other == webhook then return other end
  end
end

local function doubt_message(incident, reason)
  if redis.call('HEXISTS', incident, 'opened_by') == 1 and redis.call('HEXISTS', incident, 'message_id') == 0 then
    redis.call('HSET', incident, 'maybe_posted', reason)
  end
end

local function wait_again(incident, id, progress)
  if progress and cjson.decode(progress).part > 0 then return end -- what joined it now would not be told there
  if redis.call('HGET', incident, 'waiting') == '' then redis.call('HSET', incident, 'waiting', id) end
end

-- What was never shown was not there.
local function leave_incident(incident, id, message)
  local waiting, opened_by, message_id = unpack(redis.call('HMGET', incident, 'waiting', 'opened_by', 'message_id'))
  if not opened_by then return end
  if waiting == id then redis.call('HSET', incident, 'waiting', '') end
  if opened_by == id and not message_id and (waiting == '' or waiting == id) then
    redis.call('DEL', incident)
    return
  end
  local given = cjson.decode(message)
  local is_replay = given.metadata and given.metadata.replay_of
  if not (given.update or given.resolved or is_replay) then
    redis.call('HINCRBY', incident, 'count', -(given.count or 1))
  end
end

local function posted_in(channel_prefix, channel_id, is_new, life, renews)
  if channel_id == '' then return end
  local key = posted_key(channel_prefix, channel_id)
  if not is_new then return redis.call('GET', key) or 0 end
  local posted = redis.call('INCR', key)
  if posted == 1 or renews then redis.call('EXPIRE', key, life) end
  return posted
end

-- shown: fields of the hash, '' for those that are not any more.
local function incident_shown(incident, shown, place, life)
  if redis.call('EXISTS', incident) == 0 then return end
  for field, value in pairs(shown) do
    if value == '' then redis.call('HDEL', incident, field) else redis.call('HSET', incident, field, value) end
  end
  if place and shown.message_id then redis.call('HSET', incident, 'place', place) end
  if (shown.message_id or '') ~= '' then redis.call('HDEL', incident, 'maybe_posted') end
  redis.call('EXPIRE', incident, life)
end

local function note_shown(notification, item, place, life)
  local incident = redis.call('HGET', notification, 'incident')
  if not incident then return end
  if item.status == 'unknown' then doubt_message(incident, item.reason) end
  if item.shown ~= cjson.null then incident_shown(incident, item.shown, place, life) end
  local message_id, waiting = unpack(redis.call('HMGET', incident, 'message_id', 'waiting'))
  if item.dead and not message_id and (waiting or '') == '' then redis.call('DEL', incident) end -- no other opens it
end
