-- Alerts of one type that are collected until a time, and then go as one message. Until then they wait among the
-- delayed ones, all with the same due time. Each has, beside the fields in outbox.lua:
--   collected_for  `<by> <began> <since>`: the name of its group: by is the reason, began when the first came, since
--                  when that began for which they wait (microseconds)
-- The group that is open is a field of the outbox' state, `collecting:<by>`: its name, due time, count and bytes.
--
-- args: by, after (microseconds until it ends, if this alert is the first; the first one sets the end, unless a later
--   one is to wait for less), count_max, bytes_max, notification_prefix
--
-- collect(state, delayed, bytes, expires, args, now)   one joins the open group, or begins one. One that expires (so
--   many microseconds from now; nil) before the end, or fills the group, ends it now. Returns when it is due, and the
--   name
-- has_groups(state)        whether any is open
-- end_groups(state, delayed, notification_prefix, now)   those that are open go now
-- group_of(waiting, delayed, id, args)   the ids of all that go with one that is due, in order; nil: it is of no group
--   args: notification_prefix, collected_max, bytes_max, version (the highest that the caller reads)

local LOOKED_AT = 5000 -- of each set, so that a claim takes milliseconds at most

local function open_group(state, field)
  local name, due_at, count, bytes = string.match(redis.call('HGET', state, field) or '',
    '^(%S+ %S+ %S+) (%d+) (%d+) (%d+)$')
  return name and { name = name, due_at = tonumber(due_at), count = tonumber(count), bytes = tonumber(bytes) }
end

local function move_group(delayed, notification_prefix, name, due_at)
  for _, id in ipairs(redis.call('ZRANGE', delayed, 0, -1)) do
    if redis.call('HGET', notification_prefix .. id, 'collected_for') == name then
      redis.call('ZADD', delayed, due_at, id)
      redis.call('HSET', notification_prefix .. id, 'not_before', due_at)
    end
  end
end

local function collect(state, delayed, bytes, expires, args, now)
  local field, due_at = 'collecting:' .. args.by, now + args.after
  local group = open_group(state, field)
  if group and group.bytes + bytes > args.bytes_max then
    move_group(delayed, args.notification_prefix, group.name, now)
    group = nil
  end
  if not group or group.due_at <= now then
    local name = string.format('%s %.0f %.0f', args.by, now, now)
    group = { name = name, due_at = due_at, count = 0, bytes = 0 }
  end
  local ends = group.count + 1 >= args.count_max or expires and now + expires <= group.due_at
  if ends then due_at = now elseif due_at > group.due_at - SECOND then due_at = group.due_at end
  if due_at < group.due_at and group.count > 0 then
    move_group(delayed, args.notification_prefix, group.name, due_at)
  end
  if ends then
    redis.call('HDEL', state, field)
  else
    redis.call('HSET', state, field, string.format('%s %.0f %d %.0f', group.name, due_at, group.count + 1,
      group.bytes + bytes))
  end
  return due_at, group.name
end

local function has_groups(state)
  for _, field in ipairs(redis.call('HKEYS', state)) do
    if string.find(field, '^collecting:') then return true end
  end
  return false
end

local function end_groups(state, delayed, notification_prefix, now)
  for _, field in ipairs(redis.call('HKEYS', state)) do
    local group = string.find(field, '^collecting:') and open_group(state, field)
    if group then
      move_group(delayed, notification_prefix, group.name, now)
      redis.call('HDEL', state, field)
    end
  end
end

local function group_of(waiting, delayed, id, args)
  local name = redis.call('HGET', args.notification_prefix .. id, 'collected_for')
  if not name then return end
  local found, ids, bytes = {}, {}, 0
  for _, set in ipairs({ waiting, delayed }) do -- after Redis' clock has stepped back, some may be due later
    for _, each in ipairs(redis.call('ZRANGE', set, 0, LOOKED_AT - 1)) do
      local key = args.notification_prefix .. each
      local its, version, sequence = unpack(redis.call('HMGET', key, 'collected_for', 'version', 'sequence'))
      local size = its == name and redis.call('HSTRLEN', key, 'message') or 0
      if size > 0 and tonumber(version or 1) <= args.version then
        table.insert(found, { id = each, size = size, place = tonumber(sequence) or 0 })
      end
    end
  end
  table.sort(found, function(a, b) return a.place < b.place end)
  for _, each in ipairs(found) do
    if #ids == args.collected_max or #ids > 0 and bytes + each.size > args.bytes_max then break end
    table.insert(ids, each.id)
    bytes = bytes + each.size
  end
  return ids
end
