// A streamed prediction by flowise-sdk, read to its end. Usage: node resilience.mjs URL KEY
import sdk from 'flowise-sdk'

const client = new sdk.FlowiseClient({ baseUrl: process.argv[2], apiKey: process.argv[3] })
const events = await client.createPrediction({
    chatflowId: 'd290f1ee-6c54-4b01-90e6-d701748f0851',
    question: 'hi',
    streaming: true
})
for await (const event of events) void event
