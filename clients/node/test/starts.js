// A program that starts a server, prints its address, and ends or waits. Usage: node starts.js end|wait
import { FlowiseMock } from '../src/index.js'

const { url } = await FlowiseMock.start()
console.log(url)
if (process.argv[2] === 'wait') setInterval(() => {}, 1000)
