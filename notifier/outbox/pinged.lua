-- The types whose configured mentions pinged within the last `quiet` microseconds, as JSON. pinged: hash, when by type.
local function pinged_lately(pinged, now, quiet)
  local types, flat = {}, redis.call('HGETALL', pinged)
  for position = 1, #flat, 2 do
    local since = now - flat[position + 1]
    if since >= 0 and since < quiet then table.insert(types, flat[position]) end
  end
  return #types > 0 and cjson.encode(types) or '[]'
end
