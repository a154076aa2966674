// Runs at the edge before a request goes to the gateway, and says who asked. What a viewer put there is replaced.
function handler(event) {
  var request = event.request;
  request.headers['palisade-viewer'] = { value: event.viewer.ip };
  return request;
}
