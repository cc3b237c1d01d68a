using System;

namespace Ringcast.Realtime.Types
{
	public enum ConnectionType
	{
		[Obsolete("Use RT_OVER_WS_UDP_UNSECURED")]
		RT_OVER_WEBSOCKET = 0,
		/// <summary>WebSocket and UDP, both in clear.</summary>
		RT_OVER_WS_UDP_UNSECURED = 0,
		/// <summary>WebSocket over TLS. .NET has no DTLS, so all messages go this way: see Client.FastRefusal.</summary>
		RT_OVER_WSS_DTLS_TLS12 = 1
	}
}
