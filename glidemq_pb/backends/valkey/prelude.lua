local R, H, O = {}, {}, {}  -- runtime (this prelude, rows, codecs), helpers, operations
R.wrong = function(what, value) error({err = 'BAD_' .. what .. ' ' .. tostring(value)}) end
R.int = function(text)  -- from a key: decimal digits, within 2^53
  local n = string.match(text or '', '^-?%d+$') and tonumber(text)
  if not n or n > 9007199254740991 or n < -9007199254740991 then R.wrong('INT', text) end
  return n + 0  -- no minus zero
end
-- Arguments: one list, packed (see backends/codec.py).
R.whole = function(n)
  return type(n) == 'number' and n % 1 == 0 and n <= 9007199254740991 and n >= -9007199254740991 and n or R.wrong('INT', n)
end
R.flag = function(value) if type(value) ~= 'boolean' then R.wrong('BOOL', value) end return value end
R.list = function(value) if type(value) ~= 'table' then R.wrong('LIST', value) end return value end  -- of texts
R.now = function(given)  -- '' means the server's clock; tests send virtual time
  local time = given == '' and redis.call('TIME')
  return time and time[1] * 1000 + math.floor(time[2] / 1000) or R.whole(given)
end
R.count = function(args, at)  -- of a list of arguments; every item takes one or more
  local n = R.whole(args[at])
  return n >= 0 and n <= #args - at and n or R.wrong('COUNT', n)
end
R.done = function(args, at) if at ~= #args + 1 then R.wrong('ARGUMENTS', #args) end end
-- For b > 0. Lua's own `%` is inexact for an a near -2^53.
R.mod = function(a, b) local rest = math.fmod(a, b) return rest < 0 and rest + b or rest + 0 end
R.text = function(n) return string.format('%d', n) end  -- `..` and tostring round to 14 digits; `%.0f` is slow
R.pad = function(n) return string.format('%016d', n) end
R.maybe_int = function(reply) return reply and tonumber(reply) or false end
R.is_canonical_id = function(text, digits_max) return #text <= digits_max and string.match(text, '^[1-9]%d*$') ~= nil end
R.split = function(text, separator)
  local parts, from = {}, text ~= '' and 1
  while from do
    local at = string.find(text, separator, from, true)
    parts[#parts + 1] = string.sub(text, from, at and at - 1 or -1)
    from = at and at + 1
  end
  return parts
end
R.spread = function(command, items, key)  -- unpack takes about 8,000 values, so 1,000 at a time
  local total, call = 0, redis.call
  for from = 1, #items, 1000 do
    local to = math.min(from + 999, #items)
    total = total + (key and call(command, key, unpack(items, from, to)) or call(command, unpack(items, from, to)))
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
-- Exact trimming walks over what was trimmed before, so a stream that grows is cut once: at the end of the
-- operation, and before anything looks at it.
R.keeps = {}  -- by stream that has grown
R.trim = function(value)
  for key, keep in pairs(R.keeps) do redis.call('XTRIM', key, 'MAXLEN', '=', keep) end
  if next(R.keeps) then R.keeps = {} end
  return value
end
R.xadd = function(key, keep, ...)
  if (R.keeps[key] or keep) ~= keep then R.trim() end
  R.keeps[key] = keep
  redis.call('XADD', key, '0-*', ...)
end
R.xlast = function(key)
  local info = redis.call('EXISTS', key) == 1 and redis.call('XINFO', 'STREAM', key) or {}
  for i = 1, #info, 2 do if info[i] == 'last-generated-id' then return tonumber(string.sub(info[i + 1], 3)) end end
  return 0
end
R.xafter = function(key, after, count)
  local out = redis.call('XRANGE', key, '(0-' .. R.text(after), '+', 'COUNT', count)
  for i, entry in ipairs(out) do out[i] = {number = tonumber(string.sub(entry[1], 3)), fields = entry[2]} end
  return out
end
