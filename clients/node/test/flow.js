// Calls of the API as an application makes them.
export const flow = 'd290f1ee-6c54-4b01-90e6-d701748f0851' // the first flow of the seed

export function predict(mock, question, more = {}) {
    return fetch(`${mock.url}/api/v1/prediction/${flow}`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', 'X-Client': 'Test' },
        body: JSON.stringify({ question, ...more }),
    })
}

export async function ask(mock, question, more) {
    return (await (await predict(mock, question, more)).json()).text
}
