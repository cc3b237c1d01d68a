using System;

namespace Ringcast.Realtime.Link
{
	/// <summary>The host in what a game passes as endpoint, which may be a URL.</summary>
	internal static class Endpoint
	{
		private const int HostCharactersMax = 253;

		public static string HostOf(string endpoint)
		{
			if (endpoint == null)
				throw new ArgumentNullException("endpoint");
			string host = endpoint.Trim();
			int scheme = host.IndexOf("://", StringComparison.Ordinal);
			if (scheme >= 0)
				host = host.Substring(scheme + 3);
			int path = host.IndexOfAny(new[] {'/', '?', '#'});
			if (path >= 0)
				host = host.Substring(0, path);
			host = StripPort(host);
			if (!IsHost(host))
				throw new ArgumentException("not a host name or an address", "endpoint");
			return host;
		}

		/// <summary>Of "[::1]:80" the address, of "host:80" the host; an IPv6 address without brackets has no port.</summary>
		private static string StripPort(string host)
		{
			if (host.StartsWith("[", StringComparison.Ordinal)) {
				int end = host.IndexOf(']');
				return end > 0 ? host.Substring(1, end - 1) : "";
			}
			int colon = host.IndexOf(':');
			return colon >= 0 && colon == host.LastIndexOf(':') ? host.Substring(0, colon) : host;
		}

		/// <summary>What may stand in a request's Host line.</summary>
		private static bool IsHost(string host)
		{
			foreach (char c in host) {
				bool isWord = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
				if (!isWord && c != '.' && c != '-' && c != '_' && c != ':' && c != '%')
					return false;
			}
			return host.Length > 0 && host.Length <= HostCharactersMax;
		}
	}
}
