-- The front of an outbox: how many of the notifications that come next may share one request.
--
-- args: notification_prefix, embeds_max, characters_max, note_characters, late (microseconds)
--
-- front(first, args, now)  first: their ids, in order. Returns those that may share it, and whether nothing more would
--                          fit

-- The batch key and the characters of one that waits, with room for a note if it is late, a repeat, or for another
-- channel.
local function load_of(id, args, now)
  local batch_key, characters, unknown, failed_over, admitted_at, not_before, collected_for = unpack(redis.call('HMGET',
    args.notification_prefix .. id, 'share', 'characters', 'unknown', 'rerouted', 'admitted_at', 'not_before',
    'collected_for'))
  if collected_for then batch_key = '' end -- it goes with its group (collected.lua)
  local due_at = math.max(tonumber(admitted_at) or now, tonumber(not_before or 0))
  local noted = unknown or failed_over or now - due_at > args.late
  return batch_key or '', (tonumber(characters) or 0) + (noted and args.note_characters or 0)
end

local function front(first, args, now)
  local ids, total, shared = {}, 0, nil
  for _, id in ipairs(first) do
    local batch_key, characters = load_of(id, args, now)
    local fits = #ids == 0 or (batch_key ~= '' and batch_key == shared and total + characters <= args.characters_max)
    if not fits then return ids, true end
    table.insert(ids, id)
    total, shared = total + characters, batch_key
    if batch_key == '' then return ids, true end
  end
  return ids, #ids == args.embeds_max
end
