-- One script for all contenders: a request's bytes with a place for the value, which differs from request to request.
-- Arguments: a file with the request, where {} stands for the value; a file with the values, all of one length.
local head, tail, values, at = "", "", {}, 0

function init(args)
  local file = assert(io.open(args[1], "rb"))
  local text = file:read("*a")
  file:close()
  local from, to = text:find("{}", 1, true)
  head, tail = text:sub(1, from - 1), text:sub(to + 1)
  for line in io.lines(args[2]) do values[#values + 1] = line end
  math.randomseed(os.time())
  at = math.random(#values)
end

function request()
  at = at % #values + 1
  return head .. values[at] .. tail
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"requests": %d, "microseconds": %d, "bytes": %d, "p50": %d, "p99": %d, "failed": %d, "not_answered": %d}\n',
    summary.requests, summary.duration, summary.bytes, latency:percentile(50), latency:percentile(99), errors.status,
    errors.connect + errors.read + errors.write + errors.timeout))
end
