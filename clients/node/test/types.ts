// What the types accept, and what they refuse. It is compiled and never run.
import { ControlError, FlowiseMock, VerificationError, type Request } from 'flowise-mock'

await using mock: FlowiseMock = await FlowiseMock.start({
    contract: '3.1.4', overlays: ['a.yaml'], script: 'support-bot', seed: 'empty', ids: 'random', strict: true, port: 0,
    tokenDelay: 10, hang: 1, controlToken: 'a', command: ['uvx', 'flowise-mock'], args: ['--cors', '*'],
})
const connected = await FlowiseMock.connect('http://127.0.0.1:3000', { apiKey: 'a', controlToken: 'b' })
await using namespace = await connected.namespace('mine')
await connected.namespace(undefined, { script: ['a.yaml', new URL('file:///b')], seed: { tool: [] }, ids: 'random', strict: true })
const texts: string[] = [mock.url, mock.apiKey, namespace.name]

texts.push(await mock.answer('Hi.'), await mock.answer('refund', { text: 'Yes.', followUpPrompts: ['Why?'] }))
texts.push(await mock.answer(null, ['a', 'b'], { turn: { min: 2 }, chatId: 'c', times: 1, name: 'x', hold: 'y' }))
texts.push(await mock.fail('server-error'), await mock.fail('order', { name: 'status', status: 503 }, { times: 2 }))
texts.push(await mock.fail(null, 'hang', { operation: 'listTools', headers: { 'x-a': { regex: 'b' } } }))
const counts: number[] = [(await mock.rules())[0]!.answered, (await mock.faults())[0]!.triggered, await mock.release('y')]
await mock.remove(texts[0]!)

const found: Request[] = await mock.requests('createPrediction', { question: { contains: 'refund' } })
const waited: Request[] = await mock.waitFor('createPrediction', { count: 2, timeout: 100, streaming: true })
counts.push(found[0]!.status, waited[0]!.response.size)
await mock.verify('createPrediction', { json: { '/overrideConfig/sessionId': 's' }, times: 1 })
await mock.verify(null, { order: [{ operation: 'a' }, { method: 'GET' }], atLeast: 1, atMost: 2 })
try {
    await mock.verify()
} catch (error) {
    if (error instanceof VerificationError) texts.push(...(error.verdict.nearest?.differences ?? []))
    if (error instanceof ControlError) counts.push(error.status)
}

await mock.reset()
await mock.reset('journal', 'rules')
await mock.restore(await mock.snapshot('before'))
const added: unknown[] = (await mock.diff('before'))['tool']!.added
const dates: Date[] = [await mock.clock.now(), await mock.clock.freeze(new Date()), await mock.clock.advance(1)]
dates.push(await mock.clock.freeze('2026-01-01T00:00:00Z'), await mock.clock.release())
added.push(await mock.store.create('tool', { name: 'a' }), ...(await mock.store.list('tool')))
counts.push((await mock.store.counts())['tool']!)

// @ts-expect-error: there is no such part
await mock.reset('jurnal')
// @ts-expect-error: there is no such word of a match
await mock.verify('createPrediction', { quesion: 'a' })
// @ts-expect-error: ids are random or reproducible
await FlowiseMock.start({ ids: 'fixed' })
// @ts-expect-error: an answer is a text or an object
await mock.answer('refund', 3)
// @ts-expect-error: start or connect make one
new FlowiseMock()
