export { FlowiseMock } from './mock.js'
export { ControlError } from './control.js'
export { VerificationError } from './verification.js'
