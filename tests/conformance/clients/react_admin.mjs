// Asks what standard input lists, with react-admin's PostgREST data provider, and writes what came.
// In: [{url, headers, keys: {resource: [column]}, method, resource, parameters}, …]. Out: [{data, total, error}, …].
import * as module from '@raphiniert/ra-data-postgrest'

const dataProvider = typeof module.default === 'function' ? module.default : module.default.default

const parts = []
for await (const part of process.stdin) parts.push(part)
const calls = JSON.parse(Buffer.concat(parts).toString('utf8'))

const answers = []
for (const { url, headers, schema, keys, method, resource, parameters } of calls) {
  const httpClient = async (address, options = {}) => {
    const sent = new Headers(options.headers)
    for (const [name, value] of Object.entries(headers)) sent.set(name, value)
    const response = await fetch(address, { ...options, headers: sent })
    const body = await response.text()
    if (response.status >= 400) throw new Error(`${response.status} ${body}`)
    return { status: response.status, headers: response.headers, body, json: JSON.parse(body) }
  }
  const provider = dataProvider({
    apiUrl: url,
    httpClient,
    defaultListOp: 'eq',
    primaryKeys: new Map(Object.entries(keys)),
    schema: () => schema,
  })
  try {
    const { data, total } = await provider[method](resource, parameters)
    answers.push({ data, total: total ?? null, error: null })
  } catch (error) {
    answers.push({ data: null, total: null, error: String(error.message) })
  }
}
process.stdout.write(JSON.stringify(answers))
