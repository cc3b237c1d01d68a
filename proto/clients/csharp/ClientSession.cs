using System;
using System.Collections.Generic;

namespace Ringcast.Realtime
{
	/// <summary>Who we are in the session that we joined.</summary>
	public class ClientSession
	{
		/// <summary>Joined groups that are remembered; the server has a limit of its own, which is lower.</summary>
		private const int GroupsMax = 1024;

		private readonly HashSet<int> groups = new HashSet<int>();

		public string Endpoint { get; private set; }
		public int Port { get; private set; }
		public ConnectionToken Token { get; private set; }
		/// <summary>Our number; 0 before the login result, and after a refusal.</summary>
		public int ConnectedPeerId { get; internal set; }
		public bool LoggedIn { get; internal set; }

		internal ClientSession(string endpoint, int port, ConnectionToken token)
		{
			Endpoint = endpoint;
			Port = port;
			Token = token;
		}

		/// <summary>What we asked for, corrected by each update that the server sends.</summary>
		public bool IsInGroup(int groupId)
		{
			return groups.Contains(groupId);
		}

		internal void Join(int groupId)
		{
			if (groups.Count < GroupsMax)
				groups.Add(groupId);
		}

		internal void Leave(int groupId)
		{
			groups.Remove(groupId);
		}

		internal void Learn(int groupId, int[] playerIds)
		{
			if (Array.IndexOf(playerIds, ConnectedPeerId) >= 0)
				Join(groupId);
			else
				Leave(groupId);
		}
	}
}
