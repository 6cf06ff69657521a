// flowise-sdk: a plain and a streamed prediction. Usage: node sdk.mjs URL
import assert from 'node:assert/strict'
import sdk from 'flowise-sdk'

const chatflowId = 'd290f1ee-6c54-4b01-90e6-d701748f0851'
const answer = 'Support chat echoes: one two three'
const client = new sdk.FlowiseClient({ baseUrl: process.argv[2] })

const plain = await client.createPrediction({ chatflowId, question: 'one two three' })
assert.equal(plain.text, answer)

const times = []
const events = []
for await (const event of await client.createPrediction({ chatflowId, question: 'one two three', streaming: true })) {
    times.push(performance.now())
    events.push(event)
}
assert.deepEqual(events.map((each) => each.event), ['start', ...Array(6).fill('token'), 'metadata', 'end'])
assert.equal(events.filter((each) => each.event === 'token').map((each) => each.data).join(''), answer)
assert.ok(times.at(-1) - times[0] > 100, 'the tokens came all at once')
console.log(`flowise-sdk: plain and streamed, ${events.length} events in ${Math.round(times.at(-1) - times[0])} ms`)
