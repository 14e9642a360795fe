-- What has waited for too long: since its admission, or by an expiry of its own.
--
-- expired_of(lists, state, args, now, all)
--   the ids that have expired, of those in `lists`; and of all (a function, lists too) if one with an expiry of its own
--   may have expired behind others. No more than one step may take; the next goes on
--   args: notification_prefix, expire (microseconds), embeds_max, bytes_max

-- When it expires, and the expiry that it has of its own, if any.
local function expiry_of(notification, args, now)
  local at, joined_at, own = unpack(redis.call('HMGET', notification, 'admitted_at', 'joined_at', 'expires_at'))
  own = tonumber(own)
  return math.min((tonumber(joined_at or at) or now) + args.expire, own or math.huge), own
end

-- Looks at each, and only when such an expiry has passed.
local function look_behind(state, now, all, look_at)
  if expiry_wait(state, now) ~= 0 then return end
  local earliest
  for _, ids in ipairs(all()) do
    for _, id in ipairs(ids) do
      local has_room, own = look_at(id)
      if not has_room then return end -- the next claim goes on
      if own and own > now then earliest = math.min(own, earliest or own) end
    end
  end
  redis.call('HDEL', state, 'next_expiry')
  if earliest then note_expiry(state, earliest) end
end

local function expired_of(lists, state, args, now, all)
  local expired, seen, bytes = {}, {}, 0
  local function look_at(id)
    local key = args.notification_prefix .. id
    local at, own = expiry_of(key, args, now)
    if at <= now and not seen[id] then
      bytes = bytes + redis.call('HSTRLEN', key, 'message')
      if #expired == args.embeds_max or #expired > 0 and bytes > args.bytes_max then return false end
      seen[id] = true
      table.insert(expired, id)
    end
    return true, own
  end
  for _, ids in ipairs(lists) do
    for _, id in ipairs(ids) do look_at(id) end
  end
  look_behind(state, now, all, look_at)
  return expired
end
