-- Sends the same request again, or one after the other of several tokens. Counts answers of another status
-- than the expected one.

local expected = tonumber(os.getenv('BENCH_STATUS'))
local think_ms = tonumber(os.getenv('BENCH_THINK_MS'))
local tokens = {}
for line in io.lines(os.getenv('BENCH_AUTHORIZATIONS')) do tokens[#tokens + 1] = line end

local threads = {}
function setup(thread) threads[#threads + 1] = thread end

others = 0
local at = 0
local requests = {}

function init()
  for index, token in ipairs(tokens) do
    wrk.headers['Authorization'] = token
    requests[index] = wrk.format()
  end
  if #requests == 0 then requests[1] = wrk.format() end
end

function request()
  at = at % #requests + 1
  return requests[at]
end

if think_ms > 0 then
  function delay() return math.random(0, 2 * think_ms) end
end

function response(status)
  if status ~= expected then others = others + 1 end
end

function done(summary, latency)
  local strange = 0
  for _, thread in ipairs(threads) do strange = strange + thread:get('others') end
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"duration_us":%d,"others":%d,"failed":%d,"p50":%d,"p99":%d,"p999":%d}\n',
    summary.requests, summary.duration, strange, errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50), latency:percentile(99), latency:percentile(99.9)))
end
