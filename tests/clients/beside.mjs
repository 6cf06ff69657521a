// flowise-sdk in a namespace of a server that others use, with one failure. Usage: node beside.mjs URL
import assert from 'node:assert/strict'
import { FlowiseMock } from 'flowise-mock'
import sdk from 'flowise-sdk'

const mock = await (await FlowiseMock.connect(process.argv[2])).namespace()
await mock.fail(null, 'server-error', { times: 1 })
const client = new sdk.FlowiseClient({ baseUrl: mock.url, apiKey: mock.apiKey })
const ask = () => client.createPrediction({ chatflowId: 'd290f1ee-6c54-4b01-90e6-d701748f0851', question: 'from Node' })
assert.deepEqual([(await ask()).text, (await ask()).text], [undefined, 'Support chat echoes: from Node'])
const requests = await mock.requests('createPrediction')
assert.deepEqual(requests.map((each) => each.json.question), ['from Node', 'from Node'])
console.log(JSON.stringify(requests.map((each) => each.status)))
await mock.stop()
