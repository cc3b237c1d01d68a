namespace Ringcast.Realtime.Types
{
	public enum DeliveryIntent
	{
		/// <summary>In order, never lost: by the WebSocket.</summary>
		Reliable,
		/// <summary>By UDP while that is up and the payload is small enough, else by the WebSocket.</summary>
		Fast
	}
}
