local R, H, O = {}, {}, {}  -- runtime (this prelude, rows, codecs), helpers, operations

-- Text that the caller sent or that this library stored: decimal digits, within 2^53.
R.int = function(text)
  local n = string.match(text or '', '^-?%d+$') and tonumber(text)
  if not n or n > 9007199254740991 or n < -9007199254740991 then error({err = 'BAD_INT ' .. tostring(text)}) end
  return n + 0  -- no minus zero
end
R.flag = function(text)
  if text ~= '0' and text ~= '1' then error({err = 'BAD_BOOL ' .. tostring(text)}) end
  return text == '1'
end
R.now = function(text)  -- '' means the server's clock; tests send virtual time
  if text ~= '' then return R.int(text) end
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
R.count = function(args, at)  -- of a list of arguments; every item takes one or more
  local n = R.int(args[at])
  if n < 0 or n > #args - at then error({err = 'BAD_COUNT ' .. args[at]}) end
  return n
end
R.done = function(args, at)
  if at ~= #args + 1 then error({err = 'BAD_ARGUMENTS ' .. #args .. ' given, ' .. (at - 1) .. ' read'}) end
end
R.text = function(n) return string.format('%.0f', n) end  -- `..` and tostring round to 14 digits
R.pad = function(n) return string.format('%016.0f', n) end
R.maybe_int = function(reply) return reply and tonumber(reply) end
R.is_canonical_id = function(text, digits_max) return #text <= digits_max and string.match(text, '^[1-9]%d*$') ~= nil end
R.split = function(text, separator)
  local parts, from, at = {}, 1, string.find(text, separator, 1, true)
  if text == '' then return parts end
  while at do
    parts[#parts + 1], from = string.sub(text, from, at - 1), at + 1
    at = string.find(text, separator, from, true)
  end
  parts[#parts + 1] = string.sub(text, from)
  return parts
end
R.spread = function(command, items, key)  -- unpack takes about 8,000 values, so 1,000 at a time
  local total = 0
  for from = 1, #items, 1000 do
    local to = math.min(from + 999, #items)
    local n = key and redis.call(command, key, unpack(items, from, to)) or redis.call(command, unpack(items, from, to))
    total = total + n
  end
  return total
end
R.zadd_many = function(key, scores, members)
  local pairs = {}
  for i = 1, #members do pairs[2 * i - 1], pairs[2 * i] = scores[i], members[i] end
  R.spread('ZADD', pairs, key)
end
R.scored = function(reply)
  local out = {}
  for i = 1, #reply, 2 do out[#out + 1] = {member = reply[i], score = tonumber(reply[i + 1])} end
  return out
end
R.lowest = function(reply) return reply[2] ~= nil and tonumber(reply[2]) end
R.xlast = function(key)
  local info = redis.call('EXISTS', key) == 1 and redis.call('XINFO', 'STREAM', key) or {}
  for i = 1, #info, 2 do if info[i] == 'last-generated-id' then return tonumber(string.sub(info[i + 1], 3)) end end
  return 0
end
R.xafter = function(key, after, count)
  local out = {}
  for i, e in ipairs(redis.call('XRANGE', key, '(0-' .. R.text(after), '+', 'COUNT', count)) do
    out[i] = {number = tonumber(string.sub(e[1], 3)), fields = e[2]}
  end
  return out
end
