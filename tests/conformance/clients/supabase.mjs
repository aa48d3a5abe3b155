// Asks what standard input lists, with @supabase/postgrest-js, and writes what came: one JSON document each way.
// In: [{url, headers, schema, table, steps: [[method, ...arguments], …]}, …]. Out: [{data, error, count, status}, …].
import { PostgrestClient } from '@supabase/postgrest-js'

const parts = []
for await (const part of process.stdin) parts.push(part)
const calls = JSON.parse(Buffer.concat(parts).toString('utf8'))

const answers = []
for (const { url, headers, schema, table, steps } of calls) {
  try {
    let builder = new PostgrestClient(url, { headers, ...(schema === null ? {} : { schema }) }).from(table)
    for (const [method, ...given] of steps) builder = builder[method](...given)
    const { data, error, count, status } = await builder
    answers.push({ data, error: error && { ...error, message: error.message }, count, status })
  } catch (fault) {
    answers.push({ data: null, error: null, count: null, status: 0, fault: String(fault) })
  }
}
process.stdout.write(JSON.stringify(answers))
