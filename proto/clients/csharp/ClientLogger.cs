using System;

namespace Ringcast.Realtime
{
	/// <summary>Where the client's few lines for people go: nowhere, until a game sets LogHandler.</summary>
	public static class ClientLogger
	{
		public static Action<string> LogHandler { get; set; }

		internal static void Say(string text)
		{
			Action<string> handler = LogHandler;
			if (handler != null)
				handler("[ringcast] " + text);
		}
	}
}
