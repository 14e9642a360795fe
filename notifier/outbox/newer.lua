-- What waits and is of a later version than the worker that asks: it keeps its place, and holds up none behind it.
-- args: notification_prefix, version (the highest that this worker reads), alert_type, embeds_max, leave (microseconds
--   that it is left to others)
-- readable_of(first, waiting, troubles, args, now)   first: the ids that come first. Returns the first that this worker
--   can read, of all that wait; those that nobody has come for; how many of a later version were seen

-- Returns whether nobody has come for it.
local function is_overdue(key, troubles, args, now)
  if leave_to_newer(troubles, key, args.alert_type, now) then
    add_event(key, { at = now, step = 'requeue', reason = 'newer_version' })
  end
  local left_at = math.min(redis.call('HGET', key, 'left_at'), now)
  redis.call('HSET', key, 'left_at', left_at) -- the clock may have stepped back
  return left_at + args.leave <= now
end

local function readable_of(first, waiting, troubles, args, now)
  local readable, overdue, seen, from = {}, {}, 0, 0
  local ids = first
  while #ids > 0 and #readable < args.embeds_max do
    for _, id in ipairs(ids) do
      local key = args.notification_prefix .. id
      local has_message = redis.call('HEXISTS', key, 'message') == 1
      if tonumber(redis.call('HGET', key, 'version') or 1) > args.version then
        seen = seen + 1
        if is_overdue(key, troubles, args, now) and #overdue < args.embeds_max then table.insert(overdue, id) end
      elseif has_message and #readable < args.embeds_max then
        table.insert(readable, id)
      end
    end
    if seen == 0 then return readable, overdue, seen end -- as nearly always
    from = from + #ids
    ids = redis.call('ZRANGE', waiting, from, from + args.embeds_max - 1)
  end
  return readable, overdue, seen
end
