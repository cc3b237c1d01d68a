namespace Ringcast.Realtime.Types
{
	public enum ConnectionStatus
	{
		READY = -1,
		CONNECTING = 0,
		/// <summary>The WebSocket is open.</summary>
		CONNECTED = 1,
		/// <summary>The server has answered by UDP: fast messages go there.</summary>
		CONNECTED_SEND_FAST = 2,
		/// <summary>Not used; games compare with it.</summary>
		CONNECTED_SEND_AND_RECEIVE_FAST = 3,
		DISCONNECTED_CLIENT_CALL = 4,
		DISCONNECTED = 5,
		/// <summary>Ours: the connection broke, and is made again. Reliable messages wait, fast ones are lost.</summary>
		RESUMING = 6
	}
}
